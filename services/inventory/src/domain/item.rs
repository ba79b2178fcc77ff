//! How many units of a variant there are at a location, and how many of them may be sold.

use bloom_kernel::{LocationId, Timestamp, VariantId};
use schemars::JsonSchema;
use serde::Serialize;

/// The levels and settings of one item. Units of expired holds are not counted as held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level {
    /// The variant.
    pub variant_id: VariantId,
    /// The location.
    pub location_id: LocationId,
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
}

impl Level {
    /// Units that may be sold from what lies there.
    pub fn available(&self) -> i64 {
        self.free().max(0)
    }

    /// Units that may be sold, on hand or not.
    pub fn sellable(&self) -> i64 {
        (self.free() + self.backorder_limit).max(0)
    }

    /// Units promised beyond what is there and what may be back-ordered.
    pub fn shortfall(&self) -> i64 {
        (self.allocated + self.held - self.on_hand - self.backorder_limit).max(0)
    }

    /// Below zero when more is promised than lies there. All terms are bounded far below the range of `i64`.
    fn free(&self) -> i64 {
        self.on_hand - self.allocated - self.held - self.safety_stock
    }
}

/// A variant at a location, as the API shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Item {
    /// The variant.
    pub variant_id: VariantId,
    /// The location.
    pub location_id: LocationId,
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
    /// Units that may be sold from what lies there.
    pub available: i64,
    /// Units that may be sold, on hand or not.
    pub sellable: i64,
    /// Units promised beyond what is there and what may be back-ordered: a count has found too few.
    pub shortfall: i64,
    /// Rises with each change of levels or settings.
    pub version: i64,
    /// When it was created.
    pub created_at: Timestamp,
    /// When its settings or levels last changed.
    pub updated_at: Timestamp,
}

impl Item {
    /// An item of its levels.
    pub fn new(level: &Level, version: i64, created_at: Timestamp, updated_at: Timestamp) -> Self {
        Self {
            variant_id: level.variant_id,
            location_id: level.location_id,
            on_hand: level.on_hand,
            allocated: level.allocated,
            held: level.held,
            safety_stock: level.safety_stock,
            backorder_limit: level.backorder_limit,
            available: level.available(),
            sellable: level.sellable(),
            shortfall: level.shortfall(),
            version,
            created_at,
            updated_at,
        }
    }
}

/// The stock of a variant over all locations: what `stock.updated` tells.
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
    /// What one location has.
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
