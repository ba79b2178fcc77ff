//! More time for a hold.

use bloom_db::TenantTx;
use bloom_fault::Fault;
use bloom_kernel::HoldId;
use bloom_runtime::RequestContext;
use chrono::TimeDelta;

use crate::domain::hold::Hold;
use crate::error::Refusal;
use crate::store::hold::{hold_extend, hold_lock};
use crate::{Inventory, events};

/// Moves the end of an active hold to that many seconds from now.
pub async fn extend_hold(app: &Inventory, call: &RequestContext, id: HoldId, ttl_seconds: i64) -> Result<Hold, Fault> {
    let mut tx = app.db.write(call).await?;
    let hold = extend_hold_in(app, &mut tx, call, id, ttl_seconds).await?;
    tx.commit().await?;
    Ok(hold)
}

/// The same inside a transaction that the caller commits.
pub async fn extend_hold_in(
    app: &Inventory,
    tx: &mut TenantTx,
    call: &RequestContext,
    id: HoldId,
    ttl_seconds: i64,
) -> Result<Hold, Fault> {
    let now = app.host.now(call.tenant);
    let stored = hold_lock(tx, id).await?.ok_or_else(|| Fault::not_found("hold"))?;
    let hold = stored.hold.extended(now + TimeDelta::seconds(ttl_seconds), now)?;
    // A buyer with a faster clock may have ended a line of it already.
    if hold_extend(tx, &hold).await? != hold.lines_len() {
        return Err(Refusal::HoldEnded.into());
    }
    events::hold_changed(app, tx, call, &hold).await?;
    bloom_events::schedule(tx, events::HOLD_EXPIRY, &hold.id.to_string(), hold.expires_at, &()).await?;
    Ok(hold)
}
