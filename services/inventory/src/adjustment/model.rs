//! Corrections of stock on hand: received, returned, adjusted, counted.

use std::collections::BTreeSet;

use bloom_fault::Fault;
use bloom_kernel::{Items, LocationId, VariantId, ViolationCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::movement::{ItemKey, Movement, MovementKind};
use crate::units::{LINES_MAX, Reason, UnitsDelta};

/// A correction of on hand.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AdjustmentCreate {
    /// What the quantities say.
    pub kind: AdjustmentKind,
    /// Why, for the ledger.
    pub reason: Option<Reason>,
    /// Each item at most once.
    pub lines: Items<AdjustmentLine, 1, LINES_MAX>,
}

/// One item of a correction.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AdjustmentLine {
    /// The variant. Any id is taken, whether or not the catalogue has it: stock may come before the product, and without a
    /// product none of it is sold.
    pub variant_id: VariantId,
    /// The location.
    pub location_id: LocationId,
    /// Units; what they mean depends on the kind.
    pub quantity: UnitsDelta,
}

/// What a correction has written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Adjustment {
    /// What the quantities said.
    pub kind: AdjustmentKind,
    /// Why.
    pub reason: Option<Reason>,
    /// The movements, one for each line.
    pub movements: Vec<Movement>,
}

impl AdjustmentCreate {
    /// What two fields decide: the quantity fits the kind, and no item is named twice.
    pub(super) fn check(&self) -> Result<(), Fault> {
        let mut items = BTreeSet::new();
        for (index, line) in self.lines.iter().enumerate() {
            if !self.kind.accepts(line.quantity) {
                let rule = "Units received or returned are at least 1, counted ones at least 0, adjusted ones not 0.";
                return Err(Fault::invalid(format!("/lines/{index}/quantity"), ViolationCode::OutOfRange, rule));
            }
            if !items.insert(line.item()) {
                let rule = "Another line names this item.";
                return Err(Fault::invalid(format!("/lines/{index}"), ViolationCode::Duplicate, rule));
            }
        }
        Ok(())
    }
}

impl AdjustmentLine {
    /// The item that it corrects.
    pub(super) fn item(&self) -> ItemKey {
        ItemKey { variant_id: self.variant_id, location_id: self.location_id }
    }
}

/// What the quantities of a correction mean.
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
    pub fn accepts(self, quantity: UnitsDelta) -> bool {
        match self {
            Self::Received | Self::Returned => 0 < quantity.get(),
            Self::Adjusted => quantity.get() != 0,
            Self::Counted => 0 <= quantity.get(),
        }
    }

    /// By how many units `on_hand` changes, given its present value.
    pub const fn on_hand_delta(self, quantity: i64, on_hand: i64) -> i64 {
        match self {
            Self::Received | Self::Returned | Self::Adjusted => quantity,
            Self::Counted => quantity - on_hand,
        }
    }
}
