//! The money of an order: what is authorised, captured and refunded, and what may still be captured or refunded.

use bloom_fault::{Code, Fault, ViolationCode};
use bloom_kernel::Money;

use super::order::{Order, OrderPayment};
use super::refund::RefundState;
use super::status::OrderStatus;

impl Order {
    /// Authorised and not voided. It includes captured money, whether or not that was refunded since.
    pub fn covered(&self) -> i64 {
        self.payment.as_ref().map_or(0, |payment| payment.authorised.amount() - payment.voided.amount())
    }

    /// Left to capture: authorised, neither captured nor voided.
    pub fn capturable(&self) -> i64 {
        self.covered() - self.payment.as_ref().map_or(0, |payment| payment.captured.amount())
    }

    /// Left to refund: captured, neither refunded nor being refunded.
    pub fn refundable(&self) -> i64 {
        let Some(payment) = &self.payment else { return 0 };
        payment.captured.amount() - payment.refunded.amount() - self.refunding()
    }

    /// Money that the merchant holds or may still capture.
    pub fn secured(&self) -> i64 {
        self.capturable() + self.refundable()
    }

    fn refunding(&self) -> i64 {
        let pending = self.refunds.iter().filter(|refund| refund.status == RefundState::Pending);
        pending.map(|refund| refund.amount.amount()).sum()
    }

    /// True when the whole amount is authorised or captured.
    pub fn is_covered(&self) -> bool {
        self.total.amount() == 0 || self.payment.is_some() && self.total.amount() <= self.covered()
    }

    /// True when the whole amount was captured, whether or not it was refunded since.
    pub fn is_paid(&self) -> bool {
        let total = self.total.amount();
        total == 0 || self.payment.as_ref().is_some_and(|payment| total <= payment.captured.amount())
    }

    /// Stores the payment's amounts, and returns what changed and by how much; `None` when they are not newer than the known
    /// ones.
    pub fn apply_payment(&mut self, news: &OrderPayment) -> Option<(&'static str, Money)> {
        let known = self.payment.as_mut().filter(|known| known.id == news.id && known.version < news.version)?;
        let amounts = [
            ("refunded", known.refunded, news.refunded),
            ("captured", known.captured, news.captured),
            ("voided", known.voided, news.voided),
            ("authorised", known.authorised, news.authorised),
        ];
        let (word, before, after) = amounts.into_iter().find(|(_, before, after)| before != after)?;
        known.clone_from(news);
        Some((word, Money::new(after.amount() - before.amount(), self.currency)))
    }

    /// The amount of a capture: the requested one, or all that is left. `capturing` is already being captured.
    pub fn capture_amount(&self, capturing: i64, wish: Option<Money>) -> Result<Money, Fault> {
        match self.status {
            OrderStatus::Placed | OrderStatus::Confirmed | OrderStatus::Completed => {}
            OrderStatus::Canceled | OrderStatus::Expired => {
                let detail = "This order is canceled or expired; nothing more is captured.";
                return Err(Fault::new(Code::Conflict, "order_ended", detail));
            }
        }
        let left = self.capturable() - capturing;
        let amount = wish.unwrap_or(Money::new(left, self.currency));
        if amount.currency() != self.currency {
            let message = format!("This order is in {}.", self.currency);
            return Err(Fault::invalid("/amount/currency", ViolationCode::Mismatch, message));
        }
        if left <= 0 {
            let detail = "Nothing of this order is authorised and not captured.";
            return Err(Fault::new(Code::Conflict, "nothing_to_capture", detail));
        }
        if amount.amount() <= 0 {
            return Err(Fault::invalid("/amount/amount", ViolationCode::OutOfRange, "A capture is above 0."));
        }
        if left < amount.amount() {
            let message = format!("At most {left} minor units of this order are left to capture.");
            let fault = Fault::new(Code::Unprocessable, "capture_exceeds_authorised", message.as_str());
            return Err(fault.at("/amount/amount", ViolationCode::OutOfRange, message));
        }
        Ok(amount)
    }
}
