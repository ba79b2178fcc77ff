//! Fields of an order that are derived from the others and never set.

use bloom_kernel::Timestamp;

use super::fulfilment::FulfilmentState;
use super::order::Order;
use super::status::{FulfilmentStatus, OrderPaymentStatus, OrderStatus};

impl Order {
    /// Derives both derived statuses, confirmation and completion.
    pub fn derive(&mut self, now: Timestamp) {
        self.payment_status = payment_status(self);
        if self.status == OrderStatus::Placed && self.is_covered() {
            self.status = OrderStatus::Confirmed;
            self.confirmed_at = Some(now);
        }
        self.fulfilment_status = fulfilment_status(self);
        let shipped = matches!(self.fulfilment_status, FulfilmentStatus::Fulfilled | FulfilmentStatus::Delivered);
        if self.status == OrderStatus::Confirmed && shipped && self.is_paid() {
            self.status = OrderStatus::Completed;
            self.completed_at = Some(now);
        }
    }
}

/// The payment status that follows from the amounts.
fn payment_status(order: &Order) -> OrderPaymentStatus {
    let total = order.total.amount();
    let Some(payment) = &order.payment else {
        return if total == 0 { OrderPaymentStatus::Paid } else { OrderPaymentStatus::None };
    };
    let (captured, refunded) = (payment.captured.amount(), payment.refunded.amount());
    if 0 < refunded {
        return if refunded < captured { OrderPaymentStatus::PartiallyRefunded } else { OrderPaymentStatus::Refunded };
    }
    if 0 < captured {
        return match captured.cmp(&total) {
            std::cmp::Ordering::Less => OrderPaymentStatus::PartiallyPaid,
            std::cmp::Ordering::Equal => OrderPaymentStatus::Paid,
            std::cmp::Ordering::Greater => OrderPaymentStatus::Overcharged,
        };
    }
    if payment.voided.amount() < payment.authorised.amount() {
        OrderPaymentStatus::Authorised
    } else if 0 < payment.voided.amount() {
        OrderPaymentStatus::Voided
    } else {
        OrderPaymentStatus::None
    }
}

/// The fulfilment status that follows from the fulfilments.
fn fulfilment_status(order: &Order) -> FulfilmentStatus {
    let ordered: i64 = order.lines.iter().map(|line| line.quantity - order.withdrawn_units(line)).sum();
    let units = |wanted: &[FulfilmentState]| -> i64 {
        let fulfilments = order.fulfilments.iter().filter(|fulfilment| wanted.contains(&fulfilment.status));
        fulfilments.flat_map(|fulfilment| &fulfilment.lines).map(|line| line.quantity).sum()
    };
    let shipped = units(&[FulfilmentState::Shipped, FulfilmentState::Delivered]);
    if 0 < shipped {
        return if units(&[FulfilmentState::Delivered]) == ordered {
            FulfilmentStatus::Delivered
        } else if shipped == ordered {
            FulfilmentStatus::Fulfilled
        } else {
            FulfilmentStatus::Partial
        };
    }
    match order.status {
        OrderStatus::Canceled | OrderStatus::Expired => FulfilmentStatus::Canceled,
        OrderStatus::Placed | OrderStatus::Confirmed | OrderStatus::Completed => {
            let backordered = order.lines.iter().flat_map(|line| &line.allocations).any(|part| 0 < part.backordered);
            if backordered { FulfilmentStatus::Backorder } else { FulfilmentStatus::Unfulfilled }
        }
    }
}
