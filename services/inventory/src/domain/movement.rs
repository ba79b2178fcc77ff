//! The kinds of stock movements. A movement's three deltas are the only thing that changes levels.

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

    /// The word of the database and of the API.
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

    /// The kind of a word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
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
    /// Why, in the words of who asked.
    pub reason: Option<String>,
    /// Who asked.
    pub actor: String,
    /// When.
    pub occurred_at: Timestamp,
}

/// What a correction of on hand says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AdjustmentKind {
    /// `quantity` units came in.
    Received,
    /// `quantity` units came back from a buyer.
    Returned,
    /// There are `quantity` units more, or fewer when it is negative.
    Adjusted,
    /// There are `quantity` units.
    Counted,
}

impl AdjustmentKind {
    /// The movement that it becomes.
    pub const fn movement(self) -> MovementKind {
        match self {
            Self::Received => MovementKind::Received,
            Self::Returned => MovementKind::Returned,
            Self::Adjusted => MovementKind::Adjusted,
            Self::Counted => MovementKind::Counted,
        }
    }

    /// True when the quantity makes sense for this kind.
    pub fn accepts(self, quantity: i64) -> bool {
        match self {
            Self::Received | Self::Returned => super::is_quantity(quantity),
            Self::Adjusted => super::is_quantity(quantity.saturating_abs()),
            Self::Counted => quantity == 0 || super::is_quantity(quantity),
        }
    }

    /// By how much on hand moves from where it is.
    pub const fn on_hand_delta(self, quantity: i64, on_hand: i64) -> i64 {
        match self {
            Self::Received | Self::Returned | Self::Adjusted => quantity,
            Self::Counted => quantity - on_hand,
        }
    }
}
