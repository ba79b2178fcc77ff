//! `/v1/inventory/adjustments`

use std::collections::BTreeMap;

use axum::extract::State;
use bloom_fault::Fault;
use bloom_kernel::{MovementId, ViolationCode};
use bloom_web::{Body, Caller, Created, Reply, Routes};

use super::model::{Adjustment, AdjustmentCreate, AdjustmentLine};
use crate::error::on_hand_out_of_range;
use crate::item::{item_ensure, item_lock};
use crate::movement::{ItemKey, movement_correct, movement_get};
use crate::units::Units;
use crate::{Inventory, InventoryWrite};

pub(crate) fn routes() -> Routes<Inventory> {
    Routes::new("/v1/inventory/adjustments").post("adjustment_create", "Adjust stock on hand", create)
}

/// Applies all lines or none. An item that does not exist is created without stock.
async fn create(
    State(app): State<Inventory>,
    caller: Caller<InventoryWrite>,
    Body(input): Body<AdjustmentCreate>,
) -> Result<Created<Adjustment>, Fault> {
    input.check()?;
    app.db
        .idempotent(caller.operation("adjustment_create", &input), async |tx| {
            let keys = || input.lines.iter().map(AdjustmentLine::item);
            item_ensure(tx, keys()).await?;
            let on_hand: BTreeMap<ItemKey, i64> = item_lock(tx, keys()).await?.into_iter().collect();
            let present = |key: &ItemKey| on_hand.get(key).copied().unwrap_or_default();
            let delta = |(key, line): (ItemKey, &AdjustmentLine)| {
                (tx.new_id(), key, input.kind.on_hand_delta(line.quantity.get(), present(&key)))
            };
            let deltas: Vec<(MovementId, ItemKey, i64)> = keys().zip(input.lines.iter()).map(delta).collect();
            for (index, (_, key, delta)) in deltas.iter().enumerate() {
                if Units::new(present(key).saturating_add(*delta)).is_err() {
                    let message = "There are not that many, or there would be too many to be counted.";
                    return Err(on_hand_out_of_range().at(
                        format!("/lines/{index}/quantity"),
                        ViolationCode::OutOfRange,
                        message,
                    ));
                }
            }
            movement_correct(tx, input.kind.movement(), input.reason.as_deref(), &deltas).await?;
            let ids: Vec<MovementId> = deltas.iter().map(|(id, ..)| *id).collect();
            let movements = movement_get(tx, &ids).await?;
            app.stock_changed(tx);
            Ok(Reply::new(Adjustment { kind: input.kind, reason: input.reason, movements }))
        })
        .await
}
