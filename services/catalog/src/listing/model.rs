//! An item of the product list.

use bloom_kernel::{Money, ProductId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An item of the product list.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProductListItem {
    /// The product.
    pub(crate) id: ProductId,
    /// Title of the product.
    pub(crate) title: String,
    /// The lowest price of one unit in the channel now; `null` where it has none.
    pub(crate) price: Option<Money>,
    /// What the channel can sell.
    pub(crate) inventory: ProductInventory,
}

/// What a channel can sell of a product.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProductInventory {
    /// Units over all variants and all locations of the channel.
    pub(crate) available: i64,
    /// Code of the channel's first location with stock; `null` where nothing is in stock.
    pub(crate) warehouse: Option<String>,
}
