//! The three statuses of an order. The first changes by operations; the other two are derived from its payment and its fulfilments
//! and never set.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The status of an order as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OrderStatus {
    /// It exists; its payment is not authorised yet.
    Placed,
    /// Its payment is authorised or captured: it is to be fulfilled.
    Confirmed,
    /// Everything is shipped and paid.
    Completed,
    /// Canceled before anything was shipped.
    Canceled,
    /// Not paid in time.
    Expired,
}

/// The status of an order's payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OrderPaymentStatus {
    /// Nothing is authorised.
    None,
    /// Authorised, nothing captured.
    Authorised,
    /// Captured in part.
    PartiallyPaid,
    /// Captured in full, or there was nothing to pay.
    Paid,
    /// More was captured than the order costs.
    Overcharged,
    /// Refunded in part.
    PartiallyRefunded,
    /// All that was captured is refunded.
    Refunded,
    /// Voided before anything was captured.
    Voided,
}

/// The status of an order's goods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FulfilmentStatus {
    /// Nothing is shipped.
    Unfulfilled,
    /// Nothing is shipped, and some units are not in stock yet.
    Backorder,
    /// Some units are shipped.
    Partial,
    /// All units are shipped.
    Fulfilled,
    /// All units are delivered.
    Delivered,
    /// Nothing will be shipped.
    Canceled,
}

impl OrderStatus {
    /// The stored word.
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

impl OrderPaymentStatus {
    /// The stored word.
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
    /// The stored word.
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
