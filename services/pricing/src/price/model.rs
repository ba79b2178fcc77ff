//! The price, its input and its rules.

use bloom_fault::{Fault, ViolationCode};
use bloom_kernel::{Aggregate, Currency, Money, PriceId, PriceListId, Quantity, Timestamp, VariantId, update};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::bounded::PriceAmount;
use crate::error::unprocessable;

/// A price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Price {
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
pub struct PriceCreate {
    /// The list. Left out: the base list of the price's currency, which is created when it does not exist.
    #[serde(default)]
    pub price_list_id: Option<PriceListId>,
    /// What it prices. The catalog is not asked whether the variant exists: a price may be set before its product is created.
    pub variant_id: VariantId,
    /// From this quantity on; 1 when left out.
    #[serde(default)]
    pub min_quantity: Quantity,
    /// For one unit.
    pub price: PriceAmount,
}

update! {
    /// Changes to a price; a field that is left out keeps its value.
    pub struct PriceUpdate {
        /// For one unit, in the currency of the list.
        pub price: Option<PriceAmount>,
    }
}

/// Which prices a list holds.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PriceFilter {
    /// Of this list.
    pub price_list_id: Option<PriceListId>,
    /// For this variant.
    pub variant_id: Option<VariantId>,
}

impl Price {
    /// Changes the amount. The currency is the list's and stays.
    pub(super) fn update(&mut self, now: Timestamp, input: &PriceUpdate) -> Result<(), Fault> {
        if let Some(price) = input.price {
            currency_check(price, self.price.currency(), "/price")?;
            self.price = price.into();
        }
        self.version += 1;
        self.updated_at = now;
        Ok(())
    }
}

/// Refuses a price that is not in the currency of its list.
pub(super) fn currency_check(price: PriceAmount, currency: Currency, pointer: &str) -> Result<(), Fault> {
    if price.currency == currency {
        return Ok(());
    }
    let detail = format!("The list's prices are in {currency}.");
    Err(unprocessable(format!("{pointer}/currency"), "currency_mismatch", ViolationCode::Mismatch, detail))
}

impl Aggregate for Price {
    const NOUN: &'static str = "price";
    type Id = PriceId;

    fn id(&self) -> PriceId {
        self.id
    }

    fn version(&self) -> i64 {
        self.version
    }
}
