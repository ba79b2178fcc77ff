//! A price: one amount for a variant in a list, from a quantity on.

use bloom_kernel::{Currency, Money, PriceId, PriceListId, Timestamp, VariantId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::bounded::Quantity;

/// The largest price: a trillion minor units.
pub const AMOUNT_MAX: i64 = 1_000_000_000_000;

/// A price row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Price {
    /// The row.
    pub id: PriceId,
    /// Its list.
    pub price_list_id: PriceListId,
    /// What it prices.
    pub variant_id: VariantId,
    /// Holds from this quantity of a line on, until a higher tier is reached.
    pub min_quantity: i64,
    /// For one unit, in the currency and basis of the list.
    pub price: Money,
    /// Rises with every change.
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// A price to be set.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PriceInput {
    /// The list; left out: the base list of the price's currency, made when it is not there.
    #[serde(default)]
    pub price_list_id: Option<PriceListId>,
    /// What it prices. It is not asked whether the catalogue has it: a price may come before its product, and without one
    /// nothing is sold at it.
    pub variant_id: VariantId,
    /// From this quantity on; 1 when not said.
    #[serde(default)]
    pub min_quantity: Quantity,
    /// For one unit.
    pub price: Money,
}

/// What to change about a price.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PriceUpdate {
    /// For one unit, in the currency of the list.
    pub price: Money,
}

/// Why an amount cannot be a price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PriceError {
    /// Below zero or above [`AMOUNT_MAX`].
    #[error("a price is from 0 to 1000000000000 minor units")]
    OutOfRange,
    /// The list has another currency.
    #[error("the list's prices are in {0}")]
    OtherCurrency(Currency),
}

/// Checks an amount against its list.
pub fn check(price: Money, list_currency: Currency) -> Result<(), PriceError> {
    if !(0..=AMOUNT_MAX).contains(&price.amount()) {
        Err(PriceError::OutOfRange)
    } else if price.currency() != list_currency {
        Err(PriceError::OtherCurrency(list_currency))
    } else {
        Ok(())
    }
}
