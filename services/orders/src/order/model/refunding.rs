//! Refunds of an order: by lines, so that all partial refunds of a line add up to what was paid for it, or by amount.

use bloom_fault::{Code, Fault, ViolationCode};
use bloom_kernel::{Money, RefundId, Timestamp};

use super::fulfilment::{LineQuantity, exceeds_left, unknown_line};
use super::order::Order;
use super::refund::{Refund, RefundLine, RefundState, RefundWish, share};
use super::status::OrderStatus;

/// Most refunds of an order.
const REFUNDS_MAX: usize = 100;

impl Order {
    /// Begins a refund; from now on it counts against what is left to refund.
    pub fn refund(&mut self, id: RefundId, wish: &RefundWish, reason: Option<String>, now: Timestamp) -> Result<&Refund, Fault> {
        if REFUNDS_MAX <= self.refunds.len() {
            let detail = "This order has as many refunds as an order may have.";
            return Err(Fault::new(Code::Unprocessable, "too_many_refunds", detail));
        }
        let lines = match wish {
            RefundWish::Amount(_) => Vec::new(),
            RefundWish::Lines(lines) => self.refund_lines(lines)?,
        };
        let amount = match wish {
            RefundWish::Amount(amount) => *amount,
            RefundWish::Lines(_) => Money::new(lines.iter().map(|line| line.amount.amount()).sum(), self.currency),
        };
        let pointer = match wish {
            RefundWish::Amount(_) => "/amount/amount",
            RefundWish::Lines(_) => "/lines",
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
            return Err(Fault::invalid("/amount/currency", ViolationCode::Mismatch, message));
        }
        if amount.amount() <= 0 {
            return Err(Fault::invalid(pointer, ViolationCode::OutOfRange, "A refund is above 0."));
        }
        let left = self.refundable();
        if left < amount.amount() {
            let message = if left <= 0 && self.refunds.is_empty() {
                "Nothing of this order is captured yet. Capture first, or cancel the order to void what is authorised.".to_owned()
            } else {
                format!("At most {left} minor units of this order are left to refund.")
            };
            return Err(Fault::new(Code::Unprocessable, "refund_exceeds_paid", message.as_str()).at(
                pointer,
                ViolationCode::OutOfRange,
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
                let message = "This line is listed twice.";
                return Err(Fault::invalid(format!("/lines/{index}/line_id"), ViolationCode::Duplicate, message));
            }
            let left = line.quantity - line.refunded_quantity;
            if left < want.quantity.get() {
                return Err(exceeds_left(index, left, ""));
            }
            let upto = share(line.total.amount(), line.refunded_quantity + want.quantity.get(), line.quantity);
            let amount = Money::new(upto - line.refunded.amount(), self.currency);
            // Shipped units count as returned first; only the others are withdrawn.
            let returned = line.refunded_quantity - self.withdrawn_units(line);
            let returnable = (self.shipped_units(line.id, &[]) - returned).max(0);
            let withdrawn = (want.quantity.get() - returnable).max(0);
            lines.push(RefundLine { line_id: line.id, quantity: want.quantity.get(), amount, withdrawn });
        }
        Ok(lines)
    }

    /// Stores the outcome of a refund. A failed one no longer counts.
    pub fn settle_refund(&mut self, id: RefundId, succeeded: bool) -> Result<(), Fault> {
        let pending = self.refunds.iter_mut().find(|refund| refund.id == id && refund.status == RefundState::Pending);
        let Some(refund) = pending else { return Ok(()) };
        if succeeded {
            refund.status = RefundState::Succeeded;
            return Ok(());
        }
        refund.status = RefundState::Failed;
        // Its units may be shipped after all.
        if self.status == OrderStatus::Completed && refund.lines.iter().any(|part| 0 < part.withdrawn) {
            (self.status, self.completed_at) = (OrderStatus::Confirmed, None);
        }
        for part in &refund.lines {
            if let Some(line) = self.lines.iter_mut().find(|line| line.id == part.line_id) {
                line.refunded_quantity -= part.quantity;
                line.refunded = line.refunded.checked_sub(part.amount)?;
            }
        }
        Ok(())
    }
}
