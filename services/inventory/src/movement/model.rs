//! An entry of the ledger. Only its three deltas change levels.

use bloom_kernel::{HoldId, LocationId, MovementId, OrderId, Timestamp, VariantId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Why levels moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MovementKind {
    /// Units came in.
    Received,
    /// Units came back from a buyer.
    Returned,
    /// The number of units was corrected by a difference.
    Adjusted,
    /// The units were counted.
    Counted,
    /// Units were promised to a hold.
    Held,
    /// A hold gave its units back.
    HoldReleased,
    /// A hold's time was over.
    HoldExpired,
    /// A hold's units became an order's.
    Allocated,
    /// An order gave its units back.
    Released,
    /// An order's units left.
    Shipped,
}

impl MovementKind {
    const ALL: [Self; 10] = [
        Self::Received,
        Self::Returned,
        Self::Adjusted,
        Self::Counted,
        Self::Held,
        Self::HoldReleased,
        Self::HoldExpired,
        Self::Allocated,
        Self::Released,
        Self::Shipped,
    ];

    /// The value in the database and in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Returned => "returned",
            Self::Adjusted => "adjusted",
            Self::Counted => "counted",
            Self::Held => "held",
            Self::HoldReleased => "hold_released",
            Self::HoldExpired => "hold_expired",
            Self::Allocated => "allocated",
            Self::Released => "released",
            Self::Shipped => "shipped",
        }
    }

    /// Reads a value of the database.
    pub fn parse(value: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == value)
    }
}

/// One entry of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Movement {
    /// The id.
    pub id: MovementId,
    /// Why levels moved.
    pub kind: MovementKind,
    /// The variant.
    pub variant_id: VariantId,
    /// The location.
    pub location_id: LocationId,
    /// By how much on hand moved.
    pub on_hand_delta: i64,
    /// By how much allocated moved.
    pub allocated_delta: i64,
    /// By how much held moved.
    pub held_delta: i64,
    /// The hold that it belongs to.
    pub hold_id: Option<HoldId>,
    /// The order that it belongs to.
    pub order_id: Option<OrderId>,
    /// The reason that the caller gave.
    pub reason: Option<String>,
    /// Who caused it: `key:key_…`, `service:orders`.
    pub actor: String,
    /// When.
    pub occurred_at: Timestamp,
}

/// Identifies an item: a variant at a location.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct ItemKey {
    /// The variant.
    pub variant_id: VariantId,
    /// The location.
    pub location_id: LocationId,
}

/// Which movements a list shows.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MovementFilter {
    /// Movements of this variant.
    pub variant_id: Option<VariantId>,
    /// Movements at this location; needs `variant_id`.
    pub location_id: Option<LocationId>,
    /// Movements of this order.
    pub order_id: Option<OrderId>,
}
