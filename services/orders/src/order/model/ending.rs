//! Ends an unshipped order by cancellation or expiry.

use bloom_fault::{Code, Fault};
use bloom_kernel::Timestamp;

use super::fulfilment::FulfilmentState;
use super::order::Order;
use super::status::OrderStatus;

impl Order {
    /// Cancels the order. Legal until something is shipped.
    pub fn cancel(&mut self, reason: Option<String>, now: Timestamp) -> Result<(), Fault> {
        match self.status {
            OrderStatus::Placed | OrderStatus::Confirmed => {}
            OrderStatus::Completed => return Err(not_cancelable("It is completed; refund it instead.")),
            OrderStatus::Canceled => return Err(not_cancelable("It is canceled already.")),
            OrderStatus::Expired => return Err(not_cancelable("It has expired.")),
        }
        if self.has_left() {
            return Err(not_cancelable("Something was shipped; refund it instead."));
        }
        self.status = OrderStatus::Canceled;
        self.cancel_reason = reason;
        self.canceled_at = Some(now);
        self.cancel_open_fulfilments(now);
        Ok(())
    }

    /// Ends an unpaid order; false when it is paid or has ended.
    pub fn expire(&mut self, now: Timestamp) -> bool {
        if self.status != OrderStatus::Placed {
            return false;
        }
        self.status = OrderStatus::Expired;
        self.expired_at = Some(now);
        self.cancel_open_fulfilments(now);
        true
    }

    /// True when it was canceled or has expired.
    pub fn has_ended(&self) -> bool {
        match self.status {
            OrderStatus::Canceled | OrderStatus::Expired => true,
            OrderStatus::Placed | OrderStatus::Confirmed | OrderStatus::Completed => false,
        }
    }

    fn cancel_open_fulfilments(&mut self, now: Timestamp) {
        for fulfilment in self.fulfilments.iter_mut().filter(|fulfilment| fulfilment.status == FulfilmentState::Open) {
            fulfilment.status = FulfilmentState::Canceled;
            fulfilment.canceled_at = Some(now);
        }
    }
}

fn not_cancelable(why: &str) -> Fault {
    Fault::new(Code::Conflict, "order_not_cancelable", format!("This order cannot be canceled. {why}"))
}
