//! Extends a hold. `POST /v1/inventory/holds/{hold_id}/extend`, and gRPC `ExtendHold`.

use axum::extract::State;
use bloom_db::TenantTx;
use bloom_events::Publish as _;
use bloom_fault::Fault;
use bloom_kernel::HoldId;
use bloom_web::{Body, Caller, Path, Reply};
use chrono::TimeDelta;

use super::model::{HOLD_EXPIRE, Hold, HoldExtend};
use super::store::{hold_extend, hold_lock};
use crate::error::hold_expired;
use crate::units::HoldSeconds;
use crate::{Inventory, InventoryWrite};

pub(super) async fn extend(
    State(app): State<Inventory>,
    caller: Caller<InventoryWrite>,
    Path(id): Path<HoldId>,
    Body(input): Body<HoldExtend>,
) -> Result<Reply<Hold>, Fault> {
    app.db
        .idempotent(caller.operation("hold_extend", &(id, &input)), async |tx| {
            Ok(Reply::new(extend_in(tx, id, input.ttl_seconds).await?))
        })
        .await
}

/// Sets the end of an active hold to this many seconds from now.
pub(crate) async fn extend_in(tx: &mut TenantTx, id: HoldId, seconds: HoldSeconds) -> Result<Hold, Fault> {
    let now = tx.now();
    let stored = hold_lock(tx, id).await?.ok_or_else(|| Fault::not_found("hold"))?;
    let hold = stored.hold.extended(now + TimeDelta::seconds(seconds.get()), now)?;
    // A request with a faster clock may have expired some of its lines already.
    if hold_extend(tx, &hold).await? != hold.lines_len() {
        return Err(hold_expired());
    }
    tx.publish(&hold);
    tx.schedule(HOLD_EXPIRE, &hold.id.to_string(), hold.expires_at, &());
    Ok(hold)
}
