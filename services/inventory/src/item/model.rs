//! How many units of a variant there are at a location, and how many of them may be sold.

use bloom_kernel::{LocationId, Timestamp, VariantId, update};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::units::Units;

/// The levels and settings of one item. Units of expired holds are not counted as held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level {
    /// The variant.
    pub variant_id: VariantId,
    /// The location.
    pub location_id: LocationId,
    /// Units on hand.
    pub on_hand: i64,
    /// Units promised to orders.
    pub allocated: i64,
    /// Units promised to active holds.
    pub held: i64,
    /// Units that are never sold.
    pub safety_stock: i64,
    /// Units that may be sold without being on hand.
    pub backorder_limit: i64,
}

impl Level {
    /// The level of a new item: its settings, and no units.
    pub(super) fn empty(input: &ItemCreate) -> Self {
        Self {
            variant_id: input.variant_id,
            location_id: input.location_id,
            on_hand: 0,
            allocated: 0,
            held: 0,
            safety_stock: input.safety_stock.get(),
            backorder_limit: input.backorder_limit.get(),
        }
    }

    /// Units on hand that may be sold.
    pub fn available(&self) -> i64 {
        self.free().max(0)
    }

    /// Units that may be sold, on hand or not.
    pub fn sellable(&self) -> i64 {
        (self.free() + self.backorder_limit).max(0)
    }

    /// Promised units beyond the stock and the backorder limit.
    pub fn shortfall(&self) -> i64 {
        (self.allocated + self.held - self.on_hand - self.backorder_limit).max(0)
    }

    /// Units on hand that are neither promised nor safety stock; negative when more is promised. All terms are far below the limits of
    /// `i64`.
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
    /// An item with these levels.
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

/// A variant that begins to be stocked at a location.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ItemCreate {
    /// The variant. Any id is taken, whether or not the catalogue has it: stock may come before the product, and without a
    /// product none of it is sold.
    pub variant_id: VariantId,
    /// The location.
    pub location_id: LocationId,
    /// Units that lie there already.
    #[serde(default)]
    pub on_hand: Units,
    /// Units that are never sold.
    #[serde(default)]
    pub safety_stock: Units,
    /// Units that may be sold though they are not there.
    #[serde(default)]
    pub backorder_limit: Units,
}

update! {
    /// A change of an item's settings; a field that is absent stays as it is.
    pub struct ItemUpdate {
        /// Units that are never sold.
        pub safety_stock: Option<Units>,
        /// Units that may be sold though they are not there.
        pub backorder_limit: Option<Units>,
    }
}

/// Which items a list shows.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ItemFilter {
    /// Items of this variant.
    pub variant_id: Option<VariantId>,
    /// Items at this location.
    pub location_id: Option<LocationId>,
}
