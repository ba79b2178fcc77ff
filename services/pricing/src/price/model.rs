//! The price, its input and its rules.

use bloom_fault::Fault;
use bloom_kernel::{Currency, Money, PriceId, PriceListId, Timestamp, VariantId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::bounded::{AMOUNT_MAX, Quantity};
use crate::error::unprocessable;

/// A price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct Price {
    /// The price.
    pub id: PriceId,
    /// Its list.
    pub price_list_id: PriceListId,
    /// What it prices.
    pub variant_id: VariantId,
    /// Holds from this quantity of a line on, up to the next tier.
    pub min_quantity: i64,
    /// For one unit, in the currency and basis of the list.
    pub price: Money,
    /// Rises with every change.
    pub version: i64,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// A price to create or to set.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PriceCreate {
    /// The list. Left out: the base list of the price's currency, which is created when it does not exist.
    #[serde(default)]
    pub price_list_id: Option<PriceListId>,
    /// What it prices. The catalog is not asked whether the variant exists: a price may be set before its product is created.
    pub variant_id: VariantId,
    /// From this quantity on; 1 when left out.
    #[serde(default)]
    pub min_quantity: Quantity,
    /// For one unit.
    pub price: Money,
}

/// Changes to a price.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PriceUpdate {
    /// For one unit, in the currency of the list.
    pub price: Money,
}

impl Price {
    /// Changes the amount. The currency is the list's and stays.
    pub(crate) fn update(self, now: Timestamp, input: &PriceUpdate) -> Result<Self, Fault> {
        amount_check(input.price, self.price.currency(), "/price")?;
        Ok(Self { price: input.price, version: self.version + 1, updated_at: now, ..self })
    }
}

/// Refuses an amount that is out of bounds or not in the currency of its list.
pub(crate) fn amount_check(price: Money, currency: Currency, pointer: &str) -> Result<(), Fault> {
    if !(0..=AMOUNT_MAX).contains(&price.amount()) {
        let detail = "A price is from 0 to 1000000000000 minor units.";
        Err(Fault::invalid(format!("{pointer}/amount"), "out_of_range", detail))
    } else if price.currency() != currency {
        let detail = format!("The list's prices are in {currency}.");
        Err(unprocessable(format!("{pointer}/currency"), "currency_mismatch", detail))
    } else {
        Ok(())
    }
}
