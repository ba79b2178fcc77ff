//! The published stock of a variant over its locations.

use bloom_kernel::{Aggregate, LocationId, VariantId};
use schemars::JsonSchema;
use serde::Serialize;

use crate::item::Level;

/// The stock of a variant over all locations: the document of `stock.updated`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct VariantStock {
    /// The variant.
    pub variant_id: VariantId,
    /// Its items, in the order in which locations are asked.
    pub items: Vec<StockAt>,
}

/// One location in [`VariantStock`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct StockAt {
    /// The location.
    pub location_id: LocationId,
    /// Its code.
    pub location_code: String,
    /// Its priority.
    pub priority: i32,
    /// Units that lie there.
    pub on_hand: i64,
    /// Units promised to orders.
    pub allocated: i64,
    /// Units promised to active holds.
    pub held: i64,
    /// Units that are never sold.
    pub safety_stock: i64,
    /// Units that may be sold though they are not there.
    pub backorder_limit: i64,
    /// Units that may be sold from what lies there; 0 while the location is not active.
    pub available: i64,
    /// Units that may be sold, on hand or not; 0 while the location is not active.
    pub sellable: i64,
}

impl StockAt {
    /// The stock of one location.
    pub fn new(level: &Level, location_code: String, priority: i32, is_active: bool) -> Self {
        Self {
            location_id: level.location_id,
            location_code,
            priority,
            on_hand: level.on_hand,
            allocated: level.allocated,
            held: level.held,
            safety_stock: level.safety_stock,
            backorder_limit: level.backorder_limit,
            available: if is_active { level.available() } else { 0 },
            sellable: if is_active { level.sellable() } else { 0 },
        }
    }
}

/// A variant's stock with the version of its latest event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct PublishedStock {
    /// The stock.
    pub stock: VariantStock,
    /// The variant's version; 0 before its first event.
    #[serde(skip)]
    pub version: i64,
}

impl Aggregate for PublishedStock {
    const NOUN: &'static str = "stock";
    type Id = VariantId;

    fn id(&self) -> VariantId {
        self.stock.variant_id
    }

    fn version(&self) -> i64 {
        self.version
    }

    /// Always `updated`: for a consumer, a variant's first stock event is no different from later ones.
    fn verb(&self) -> &'static str {
        "updated"
    }
}
