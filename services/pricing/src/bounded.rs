//! Texts and numbers with bounds of this service.

use bloom_kernel::text::Form;
use bloom_kernel::{Currency, Money, number, text};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

text! {
    /// A code for machines.
    pub struct Code {
        length: 1..=64,
        form: Form::pattern("^[a-z0-9._-]*$", is_code, "Give lower-case letters, digits, dots, dashes and underscores."),
        example: "base-inr",
    }

    /// The caller's id of a line.
    pub struct LineId { length: 1..=64, form: Form::LINE, example: "1" }
}

number! {
    /// Minor units of a price or charge: up to a trillion.
    pub struct Amount(i64) { range: 0..=1_000_000_000_000, example: 249_900 }

    /// Which of several lists wins.
    pub struct ListPriority(i32) { range: { i32::MIN }..={ i32::MAX }, default: 0, example: 10 }
}

/// A price or a charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PriceAmount {
    /// Minor units: 2499 is 24.99 of a currency with two decimals.
    pub amount: Amount,
    /// The currency.
    pub currency: Currency,
}

impl From<PriceAmount> for Money {
    fn from(price: PriceAmount) -> Self {
        Self::new(price.amount.get(), price.currency)
    }
}

fn is_code(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.'))
}
