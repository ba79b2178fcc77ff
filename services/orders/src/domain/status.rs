//! Where an order stands. The small status changes by what people do; the other two follow from money and parcels, and
//! nobody sets them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fulfilment::FulfilmentState;
use super::order::Order;

/// Where an order stands as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It exists; its payment is not promised yet.
    Placed,
    /// Its payment is promised or made: it is to be fulfilled.
    Confirmed,
    /// Everything is shipped and paid.
    Completed,
    /// Called off before anything was shipped.
    Canceled,
    /// Nobody paid in time.
    Expired,
}

/// What became of the money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PaymentStatus {
    /// Nothing is promised.
    None,
    /// Promised, nothing drawn.
    Authorised,
    /// Drawn in part.
    PartiallyPaid,
    /// Drawn in full, or there was nothing to pay.
    Paid,
    /// More was drawn than the order costs.
    Overcharged,
    /// Given back in part.
    PartiallyRefunded,
    /// All that was drawn is given back.
    Refunded,
    /// Given up before anything was drawn.
    Voided,
}

/// What became of the goods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FulfilmentStatus {
    /// Nothing has left.
    Unfulfilled,
    /// Nothing has left, and some units are still to arrive.
    Backorder,
    /// Some units have left.
    Partial,
    /// All units have left.
    Fulfilled,
    /// All units have arrived.
    Delivered,
    /// Nothing will leave.
    Canceled,
}

impl Status {
    /// The machine word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Placed => "placed",
            Self::Confirmed => "confirmed",
            Self::Completed => "completed",
            Self::Canceled => "canceled",
            Self::Expired => "expired",
        }
    }
}

impl PaymentStatus {
    /// The machine word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Authorised => "authorised",
            Self::PartiallyPaid => "partially_paid",
            Self::Paid => "paid",
            Self::Overcharged => "overcharged",
            Self::PartiallyRefunded => "partially_refunded",
            Self::Refunded => "refunded",
            Self::Voided => "voided",
        }
    }
}

impl FulfilmentStatus {
    /// The machine word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unfulfilled => "unfulfilled",
            Self::Backorder => "backorder",
            Self::Partial => "partial",
            Self::Fulfilled => "fulfilled",
            Self::Delivered => "delivered",
            Self::Canceled => "canceled",
        }
    }
}

/// What the amounts say about the money.
pub fn payment_status(order: &Order) -> PaymentStatus {
    let total = order.total.amount();
    let Some(payment) = &order.payment else {
        return if total == 0 { PaymentStatus::Paid } else { PaymentStatus::None };
    };
    let (captured, refunded) = (payment.captured.amount(), payment.refunded.amount());
    if 0 < refunded {
        return if refunded < captured { PaymentStatus::PartiallyRefunded } else { PaymentStatus::Refunded };
    }
    if 0 < captured {
        return match captured.cmp(&total) {
            std::cmp::Ordering::Less => PaymentStatus::PartiallyPaid,
            std::cmp::Ordering::Equal => PaymentStatus::Paid,
            std::cmp::Ordering::Greater => PaymentStatus::Overcharged,
        };
    }
    if payment.voided.amount() < payment.authorised.amount() {
        PaymentStatus::Authorised
    } else if 0 < payment.voided.amount() {
        PaymentStatus::Voided
    } else {
        PaymentStatus::None
    }
}

/// What the parcels say about the goods.
pub fn fulfilment_status(order: &Order) -> FulfilmentStatus {
    let ordered: i64 = order.lines.iter().map(|line| line.quantity).sum();
    let units = |wanted: &[FulfilmentState]| -> i64 {
        let parcels = order.fulfilments.iter().filter(|parcel| wanted.contains(&parcel.status));
        parcels.flat_map(|parcel| &parcel.lines).map(|line| line.quantity).sum()
    };
    let shipped = units(&[FulfilmentState::Shipped, FulfilmentState::Delivered]);
    if units(&[FulfilmentState::Delivered]) == ordered {
        return FulfilmentStatus::Delivered;
    }
    if shipped == ordered {
        return FulfilmentStatus::Fulfilled;
    }
    if 0 < shipped {
        return FulfilmentStatus::Partial;
    }
    match order.status {
        Status::Canceled | Status::Expired => FulfilmentStatus::Canceled,
        Status::Placed | Status::Confirmed | Status::Completed => {
            let backordered = order.lines.iter().flat_map(|line| &line.allocations).any(|part| 0 < part.backordered);
            if backordered { FulfilmentStatus::Backorder } else { FulfilmentStatus::Unfulfilled }
        }
    }
}
