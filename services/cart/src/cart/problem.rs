//! What prevents the purchase of a cart.

use bloom_contract_cart::CartRefusal;
use bloom_fault::{Code, Fault};
use bloom_kernel::{CartLineId, Money};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The kind of a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CartProblemCode {
    /// There is nothing in the cart.
    CartEmpty,
    /// Fewer units can be sold than the line has; `available` is their number.
    InsufficientStock,
    /// The price differs from the one in the cart; `old` and `new` are both prices.
    PriceChanged,
    /// The variant is not on sale in this channel, or no longer.
    NotPublished,
    /// There is no price for the variant in this currency.
    NotPriced,
    /// A line needs a delivery and no option is chosen.
    DeliveryOptionMissing,
    /// The chosen option does not serve this cart: because of its country, weight or channel, or because it is inactive.
    DeliveryOptionUnavailable,
    /// A line needs a delivery and there is no shipping address.
    AddressMissing,
    /// There is no e-mail address for the confirmation.
    EmailMissing,
}

/// One reason why the cart cannot be bought as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CartProblem {
    /// The kind.
    pub code: CartProblemCode,
    /// JSON Pointer into the cart.
    pub pointer: String,
    /// Sentence for people.
    pub message: String,
    /// The line concerned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line_id: Option<CartLineId>,
    /// Units that can be sold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub available: Option<i64>,
    /// The price in the cart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old: Option<Money>,
    /// The price now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new: Option<Money>,
}

impl CartProblem {
    /// A problem of the cart as a whole.
    pub(super) fn new(code: CartProblemCode, pointer: impl Into<String>, message: impl Into<String>) -> Self {
        let (pointer, message) = (pointer.into(), message.into());
        Self { code, pointer, message, line_id: None, available: None, old: None, new: None }
    }

    /// A problem of one line.
    pub(super) fn of_line(code: CartProblemCode, index: usize, id: CartLineId, message: impl Into<String>) -> Self {
        Self { line_id: Some(id), ..Self::new(code, format!("/lines/{index}"), message) }
    }

    /// With the units that can be sold.
    #[must_use]
    pub(super) fn available(mut self, units: i64) -> Self {
        self.available = Some(units);
        self
    }

    /// With the price before and now.
    #[must_use]
    pub(super) fn prices(mut self, old: Money, new: Option<Money>) -> Self {
        (self.old, self.new) = (Some(old), new);
        self
    }
}

impl CartProblemCode {
    /// The code on the wire.
    const fn as_str(self) -> &'static str {
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

/// The refusal of a cart that cannot be bought; none when it has no problems. Missing input is a 422. A change in the shop since
/// the last read is a 409, with the code of the first such problem.
pub(super) fn refusal(problems: &[CartProblem]) -> Option<Fault> {
    let first = problems.first()?;
    let incomplete = problems.iter().find(|problem| match problem.code {
        CartProblemCode::CartEmpty
        | CartProblemCode::DeliveryOptionMissing
        | CartProblemCode::AddressMissing
        | CartProblemCode::EmailMissing => true,
        CartProblemCode::InsufficientStock
        | CartProblemCode::PriceChanged
        | CartProblemCode::NotPublished
        | CartProblemCode::NotPriced
        | CartProblemCode::DeliveryOptionUnavailable => false,
    });
    let fault = if incomplete.is_some() {
        Fault::new(Code::Unprocessable, CartRefusal::Incomplete.as_str(), "The cart cannot be bought as it is; see errors.")
    } else {
        let detail = "The shop has changed since the cart was last written; see errors. Read the cart, and write it to accept.";
        Fault::new(Code::Conflict, first.code.as_str(), detail)
    };
    Some(problems.iter().fold(fault, |fault, problem| fault.at(&problem.pointer, problem.code.as_str(), &problem.message)))
}
