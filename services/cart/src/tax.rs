//! Taxes and price bases, in carts and in the answers of pricing.

use bloom_kernel::Money;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Whether prices include tax.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PriceBasis {
    /// Prices include tax.
    Gross,
    /// Tax is added to prices.
    Net,
}

/// Tax of one rate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct TaxLine {
    /// Name of the tax.
    pub name: String,
    /// Parts per million: 18 % is 180000.
    pub rate_ppm: u32,
    /// The taxed amount.
    pub taxable: Money,
    /// The tax.
    pub tax: Money,
}
