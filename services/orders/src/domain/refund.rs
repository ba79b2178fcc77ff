//! Money given back: by lines, so that all partial refunds of a line add up to what was paid for it, or by amount.

use bloom_fault::{Code, Fault};
use bloom_kernel::{Money, OrderLineId, RefundId, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fulfilment::{LineQuantity, exceeds_left, unknown_line};
use super::order::Order;

/// Most refunds of an order.
pub const REFUNDS_MAX: usize = 100;

/// Where a refund stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RefundState {
    /// The provider works on it.
    Pending,
    /// The money is given back.
    Succeeded,
    /// It is not, and will not be by this refund.
    Failed,
}

/// Units of a line whose money is given back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RefundLine {
    /// The order's line.
    pub line_id: OrderLineId,
    /// How many.
    pub quantity: i64,
    /// How much for them.
    pub amount: Money,
}

/// Money given back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Refund {
    /// Its id.
    pub id: RefundId,
    /// Where it stands.
    pub status: RefundState,
    /// How much.
    pub amount: Money,
    /// For what; empty for an amount without lines.
    pub lines: Vec<RefundLine>,
    /// Why.
    pub reason: Option<String>,
    /// When it was asked for.
    pub created_at: Timestamp,
}

/// `paid × units ÷ of`, half up: what so many units of a line are worth.
pub fn share(paid: i64, units: i64, of: i64) -> i64 {
    if of <= 0 {
        return 0;
    }
    let twice = 2 * i128::from(paid) * i128::from(units) + i128::from(of);
    i64::try_from(twice / (2 * i128::from(of))).unwrap_or(i64::MAX)
}

/// What is to be given back.
#[derive(Debug, Clone)]
pub enum Wanted {
    /// So much, for nothing in particular.
    Amount(Money),
    /// So many units of these lines.
    Lines(Vec<LineQuantity>),
}

impl Order {
    /// What was drawn and is neither given back nor on its way.
    pub fn refundable(&self) -> i64 {
        let Some(payment) = &self.payment else { return 0 };
        let pending: i64 =
            self.refunds.iter().filter(|refund| refund.status == RefundState::Pending).map(|refund| refund.amount.amount()).sum();
        payment.captured.amount() - payment.refunded.amount() - pending
    }

    /// Begins a refund; it counts against what is left from now on.
    pub fn refund(&mut self, id: RefundId, wanted: &Wanted, reason: Option<String>, now: Timestamp) -> Result<&Refund, Fault> {
        if REFUNDS_MAX <= self.refunds.len() {
            let detail = "This order has as many refunds as an order may have.";
            return Err(Fault::new(Code::Unprocessable, "too_many_refunds", detail));
        }
        let lines = match wanted {
            Wanted::Amount(_) => Vec::new(),
            Wanted::Lines(lines) => self.refund_lines(lines)?,
        };
        let amount = match wanted {
            Wanted::Amount(amount) => *amount,
            Wanted::Lines(_) => Money::new(lines.iter().map(|line| line.amount.amount()).sum(), self.currency),
        };
        let pointer = match wanted {
            Wanted::Amount(_) => "/amount/amount",
            Wanted::Lines(_) => "/lines",
        };
        self.check_refund(amount, pointer)?;
        for part in &lines {
            if let Some(line) = self.lines.iter_mut().find(|line| line.id == part.line_id) {
                line.refunded_quantity += part.quantity;
                line.refunded = line.refunded.checked_add(part.amount)?;
            }
        }
        let refund = Refund { id, status: RefundState::Pending, amount, lines, reason, created_at: now };
        Ok(self.refunds.push_mut(refund))
    }

    fn check_refund(&self, amount: Money, pointer: &str) -> Result<(), Fault> {
        if amount.currency() != self.currency {
            let message = format!("This order is in {}.", self.currency);
            return Err(Fault::invalid("/amount/currency", "currency_mismatch", message));
        }
        if amount.amount() <= 0 {
            return Err(Fault::invalid(pointer, "not_positive", "A refund is above 0."));
        }
        let left = self.refundable();
        if left < amount.amount() {
            let message = if left <= 0 && self.refunds.is_empty() {
                "Nothing of this order is captured yet. Capture first, or cancel the order to give up what is authorised."
                    .to_owned()
            } else {
                format!("At most {left} minor units of this order are left to refund.")
            };
            return Err(Fault::new(Code::Unprocessable, "refund_exceeds_paid", message.as_str()).at(
                pointer,
                "too_large",
                message,
            ));
        }
        Ok(())
    }

    fn refund_lines(&self, wanted: &[LineQuantity]) -> Result<Vec<RefundLine>, Fault> {
        let mut lines: Vec<RefundLine> = Vec::new();
        for (index, want) in wanted.iter().enumerate() {
            let line = self.lines.iter().find(|line| line.id == want.line_id).ok_or_else(|| unknown_line(index))?;
            if lines.iter().any(|known| known.line_id == line.id) {
                let message = "This line is named twice.";
                return Err(Fault::invalid(format!("/lines/{index}/line_id"), "duplicate", message));
            }
            let left = line.quantity - line.refunded_quantity;
            if !(1..=left).contains(&want.quantity) {
                return Err(exceeds_left(index, left, ""));
            }
            let upto = share(line.total.amount(), line.refunded_quantity + want.quantity, line.quantity);
            let amount = Money::new(upto - line.refunded.amount(), self.currency);
            lines.push(RefundLine { line_id: line.id, quantity: want.quantity, amount });
        }
        Ok(lines)
    }

    /// Ends a refund. A failed one no longer counts.
    pub fn settle_refund(&mut self, id: RefundId, succeeded: bool) -> Result<(), Fault> {
        let pending = self.refunds.iter_mut().find(|refund| refund.id == id && refund.status == RefundState::Pending);
        let Some(refund) = pending else { return Ok(()) };
        if succeeded {
            refund.status = RefundState::Succeeded;
            return Ok(());
        }
        refund.status = RefundState::Failed;
        for part in &refund.lines {
            if let Some(line) = self.lines.iter_mut().find(|line| line.id == part.line_id) {
                line.refunded_quantity -= part.quantity;
                line.refunded = line.refunded.checked_sub(part.amount)?;
            }
        }
        Ok(())
    }
}
