//! `/v1/inventory/adjustments`

use std::collections::BTreeSet;

use aide::axum::ApiRouter;
use aide::axum::routing::post_with;
use axum::extract::State;
use bloom_fault::Fault;
use bloom_kernel::{LocationId, VariantId};
use bloom_web::Reply;
use bloom_web::{Caller, Json};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::InventoryWrite;
use crate::domain::QUANTITY_MAX;
use crate::domain::movement::{AdjustmentKind, Movement};
use crate::ops::adjust_stock::adjust_stock;
use crate::{Inventory, convert};

/// A correction of on hand.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AdjustmentCreate {
    /// What the quantities say.
    pub kind: AdjustmentKind,
    /// Why, for the ledger.
    #[schemars(length(max = 255))]
    pub reason: Option<String>,
    /// Each item at most once.
    #[schemars(length(min = 1, max = 200))]
    pub lines: Vec<AdjustmentLine>,
}

/// One item of a correction.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AdjustmentLine {
    /// The variant. It is not asked whether the catalogue has it: stock may come before the product, and without one none of
    /// it is sold.
    pub variant_id: VariantId,
    /// The location.
    pub location_id: LocationId,
    /// Units; what they mean depends on the kind.
    #[schemars(range(min = -1_000_000_000, max = 1_000_000_000))]
    pub quantity: i64,
}

/// What a correction has written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Adjustment {
    /// What the quantities said.
    pub kind: AdjustmentKind,
    /// Why.
    pub reason: Option<String>,
    /// The movements, one for each line.
    pub movements: Vec<Movement>,
}

impl AdjustmentCreate {
    /// Refuses what makes no sense, by field.
    pub fn check(&self) -> Result<(), Fault> {
        convert::line_count(self.lines.len())?;
        if self.reason.as_ref().is_some_and(|reason| 255 < reason.chars().count() || reason.contains('\0')) {
            return Err(Fault::invalid("/reason", "length", "A reason has at most 255 characters, none of them NUL."));
        }
        let mut items = BTreeSet::new();
        for (index, line) in self.lines.iter().enumerate() {
            if !self.kind.accepts(line.quantity) {
                let rule = format!(
                    "Units received, returned or counted are not negative, adjusted ones not zero; at most {QUANTITY_MAX}."
                );
                return Err(Fault::invalid(format!("/lines/{index}/quantity"), "quantity_out_of_range", rule));
            }
            if !items.insert((line.variant_id, line.location_id)) {
                return Err(Fault::invalid(format!("/lines/{index}"), "duplicate", "Another line names this item."));
            }
        }
        Ok(())
    }
}

pub(super) fn routes() -> ApiRouter<Inventory> {
    ApiRouter::new().api_route(
        "/v1/inventory/adjustments",
        post_with(create, |op| op.id("adjustment_create").tag("inventory").summary("Adjust stock on hand")),
    )
}

async fn create(
    State(app): State<Inventory>,
    caller: Caller<InventoryWrite>,
    Json(input): Json<AdjustmentCreate>,
) -> Result<Reply<Adjustment, 201>, Fault> {
    adjust_stock(&app, &caller, input).await
}
