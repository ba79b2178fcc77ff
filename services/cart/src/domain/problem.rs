//! What keeps a cart from being bought.

use bloom_fault::{Code, Fault};
use bloom_kernel::{CartLineId, Money};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The kind of a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProblemCode {
    /// There is nothing in the cart.
    CartEmpty,
    /// Fewer units can be sold than the line asks for; `available` says how many.
    InsufficientStock,
    /// The price differs from the one the cart showed; `old` and `new` say from what to what.
    PriceChanged,
    /// The variant is not sold in this channel, or no longer.
    NotPublished,
    /// There is no price for the variant in this currency.
    NotPriced,
    /// Something has to be shipped and no way is chosen.
    DeliveryOptionMissing,
    /// The chosen way does not serve this cart: country, weight, channel, or switched off.
    DeliveryOptionUnavailable,
    /// Something has to be shipped and there is no address for it.
    AddressMissing,
    /// Nobody to send the confirmation to.
    EmailMissing,
}

/// One thing that keeps the cart from being bought as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Problem {
    /// The kind.
    pub code: ProblemCode,
    /// JSON Pointer into the cart.
    pub pointer: String,
    /// Sentence for people.
    pub message: String,
    /// The line at fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line_id: Option<CartLineId>,
    /// Units that can be sold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub available: Option<i64>,
    /// The price that the cart showed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old: Option<Money>,
    /// The price now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new: Option<Money>,
}

impl Problem {
    /// A problem of the cart as a whole.
    pub fn new(code: ProblemCode, pointer: impl Into<String>, message: impl Into<String>) -> Self {
        let (pointer, message) = (pointer.into(), message.into());
        Self { code, pointer, message, line_id: None, available: None, old: None, new: None }
    }

    /// A problem of one line.
    pub fn of_line(code: ProblemCode, index: usize, id: CartLineId, message: impl Into<String>) -> Self {
        Self { line_id: Some(id), ..Self::new(code, format!("/lines/{index}"), message) }
    }

    /// With the units that can be sold.
    #[must_use]
    pub fn available(mut self, units: i64) -> Self {
        self.available = Some(units);
        self
    }

    /// With the price before and now.
    #[must_use]
    pub fn prices(mut self, old: Money, new: Option<Money>) -> Self {
        (self.old, self.new) = (Some(old), new);
        self
    }
}

impl ProblemCode {
    /// The machine word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CartEmpty => "cart_empty",
            Self::InsufficientStock => "insufficient_stock",
            Self::PriceChanged => "price_changed",
            Self::NotPublished => "not_published",
            Self::NotPriced => "not_priced",
            Self::DeliveryOptionMissing => "delivery_option_missing",
            Self::DeliveryOptionUnavailable => "delivery_option_unavailable",
            Self::AddressMissing => "address_missing",
            Self::EmailMissing => "email_missing",
        }
    }
}

/// The refusal of a cart that cannot be bought as it is; nothing when there are no problems. What the buyer left out is
/// 422; what changed in the shop meanwhile is 409, under the word of the first such problem.
pub fn refusal(problems: &[Problem]) -> Option<Fault> {
    let first = problems.first()?;
    let left_out = problems.iter().find(|problem| match problem.code {
        ProblemCode::CartEmpty | ProblemCode::DeliveryOptionMissing | ProblemCode::AddressMissing | ProblemCode::EmailMissing => {
            true
        }
        ProblemCode::InsufficientStock
        | ProblemCode::PriceChanged
        | ProblemCode::NotPublished
        | ProblemCode::NotPriced
        | ProblemCode::DeliveryOptionUnavailable => false,
    });
    let fault = if left_out.is_some() {
        Fault::new(Code::Unprocessable, "cart_incomplete", "The cart cannot be bought as it is; see errors.")
    } else {
        let detail = "The shop has changed since the cart was last written; see errors. Read the cart, and write it to accept.";
        Fault::new(Code::Conflict, first.code.as_str(), detail)
    };
    Some(problems.iter().fold(fault, |fault, problem| fault.at(&problem.pointer, problem.code.as_str(), &problem.message)))
}
