//! Corrections of on hand by people: received, returned, adjusted, counted.

use std::collections::BTreeMap;

use bloom_db::Begin;
use bloom_fault::Fault;
use bloom_kernel::MovementId;
use bloom_runtime::RequestContext;
use bloom_web::Reply;

use crate::domain::QUANTITY_MAX;
use crate::error::Refusal;
use crate::http::adjustments::{Adjustment, AdjustmentCreate};
use crate::store::item::{ItemKey, item_ensure, item_lock};
use crate::store::movement::{Stamp, movement_correct, movement_get};
use crate::{Inventory, error};

/// Applies all lines of an adjustment or none. An item that does not exist begins without stock.
pub async fn adjust_stock(
    app: &Inventory,
    call: &RequestContext,
    input: AdjustmentCreate,
) -> Result<Reply<Adjustment, 201>, Fault> {
    input.check()?;
    let mut tx = match app.db.begin(call, "adjustment_create", &input).await? {
        Begin::Replay(reply) => return Ok(reply),
        Begin::Run(tx) => tx,
    };
    let now = app.host.now(call.tenant);
    let keys = || input.lines.iter().map(|line| ItemKey { variant_id: line.variant_id, location_id: line.location_id });
    item_ensure(&mut tx, call.tenant, keys(), now).await.map_err(error::database)?;
    let on_hand: BTreeMap<ItemKey, i64> = item_lock(&mut tx, keys()).await?.into_iter().collect();
    let deltas: Vec<(MovementId, ItemKey, i64)> = keys()
        .zip(&input.lines)
        .map(|(key, line)| {
            let present = on_hand.get(&key).copied().unwrap_or_default();
            (app.host.id(call.tenant), key, input.kind.on_hand_delta(line.quantity, present))
        })
        .collect();
    for (index, (_, key, delta)) in deltas.iter().enumerate() {
        let after = on_hand.get(key).copied().unwrap_or_default().saturating_add(*delta);
        if !(0..=QUANTITY_MAX).contains(&after) {
            let message = "There are not that many, or there would be too many to be counted.";
            return Err(Fault::from(Refusal::OnHandNegative).at(
                format!("/lines/{index}/quantity"),
                "on_hand_out_of_range",
                message,
            ));
        }
    }
    let stamp = Stamp { tenant: call.tenant, actor: &call.actor, now };
    movement_correct(&mut tx, stamp, input.kind.movement(), input.reason.as_deref(), &deltas).await.map_err(error::database)?;
    let ids: Vec<MovementId> = deltas.iter().map(|(id, ..)| *id).collect();
    let movements = movement_get(&mut tx, &ids).await?;
    let reply = tx.finish(Reply::created(Adjustment { kind: input.kind, reason: input.reason, movements })).await?;
    app.marks.left(call.tenant);
    Ok(reply)
}
