//! A refund.

use bloom_kernel::{Form, Money, OrderLineId, RefundId, Timestamp, text};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fulfilment::LineQuantity;

text! {
    /// Why an order is canceled or refunded, in the merchant's words.
    pub struct Reason { length: 0..=500, form: Form::LINES, example: "The buyer changed their mind." }
}

/// The status of a refund.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RefundState {
    /// The provider has not answered yet.
    Pending,
    /// The money is refunded.
    Succeeded,
    /// The refund was refused.
    Failed,
}

/// Refunded units of a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RefundLine {
    /// The order's line.
    pub line_id: OrderLineId,
    /// How many.
    pub quantity: i64,
    /// How much for them.
    pub amount: Money,
    /// Of these, units that were not shipped yet when they were refunded. They are not shipped any more.
    #[serde(default)]
    pub withdrawn: i64,
}

/// A refund.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Refund {
    /// Its id.
    pub id: RefundId,
    /// Its status.
    pub status: RefundState,
    /// How much.
    pub amount: Money,
    /// The refunded units; empty for an amount without lines.
    pub lines: Vec<RefundLine>,
    /// Why.
    pub reason: Option<String>,
    /// When it was asked for.
    pub created_at: Timestamp,
}

/// `paid × units ÷ of`, rounded half up: the value of some units of a line.
pub fn share(paid: i64, units: i64, of: i64) -> i64 {
    if of <= 0 {
        return 0;
    }
    let twice = 2 * i128::from(paid) * i128::from(units) + i128::from(of);
    i64::try_from(twice / (2 * i128::from(of))).unwrap_or(i64::MAX)
}

/// What is to be refunded.
#[derive(Debug, Clone)]
pub enum RefundWish {
    /// An amount, not related to lines.
    Amount(Money),
    /// What was paid for these units.
    Lines(Vec<LineQuantity>),
}
