//! A hold is given back.

use bloom_db::TenantTx;
use bloom_fault::{Code, Fault};
use bloom_kernel::{HoldId, MovementId};
use bloom_runtime::RequestContext;

use crate::domain::hold::{Ending, Hold, HoldStatus};
use crate::domain::movement::MovementKind;
use crate::store::hold::{hold_end, hold_forbid, hold_lock};
use crate::store::movement::Stamp;
use crate::{Inventory, events};

/// Ends a hold without effect. One that has ended stays as it ended; one that nobody made can never be made: its request
/// may still be under way while its caller has given up.
pub async fn release_hold(app: &Inventory, call: &RequestContext, id: HoldId) -> Result<Hold, Fault> {
    let mut tx = app.db.write(call).await?;
    let hold = match release_hold_in(app, &mut tx, call, id).await? {
        Some(hold) => hold,
        None => match forbid(app, &mut tx, call, id).await? {
            Some(hold) => hold,
            // Made between the two looks; it is there now.
            None => release_hold_in(app, &mut tx, call, id).await?.ok_or_else(busy)?,
        },
    };
    tx.commit().await?;
    app.marks.left(call.tenant);
    Ok(hold)
}

/// Ends a hold inside a transaction that the caller commits; `None` when there is none.
pub async fn release_hold_in(
    app: &Inventory,
    tx: &mut TenantTx,
    call: &RequestContext,
    id: HoldId,
) -> Result<Option<Hold>, Fault> {
    let now = app.host.now(call.tenant);
    let Some(stored) = hold_lock(tx, id).await? else { return Ok(None) };
    if stored.hold.status != HoldStatus::Active {
        return Ok(Some(stored.hold));
    }
    end_hold(app, tx, call, stored.hold.ended(Ending::Release, now)?).await.map(Some)
}

/// Writes and publishes a hold that has ended without effect.
pub async fn end_hold(app: &Inventory, tx: &mut TenantTx, call: &RequestContext, hold: Hold) -> Result<Hold, Fault> {
    let kind = match hold.status {
        HoldStatus::Expired => MovementKind::HoldExpired,
        HoldStatus::Active | HoldStatus::Released | HoldStatus::Committed => MovementKind::HoldReleased,
    };
    let stamp = Stamp { tenant: call.tenant, actor: &call.actor, now: hold.updated_at };
    let movements: Vec<MovementId> = hold.lines.iter().map(|_| app.host.id(call.tenant)).collect();
    let mut write = tx.step();
    events::hold_changed(app, &mut write, call, &hold).await?;
    bloom_events::cancel(&mut write, events::HOLD_EXPIRY, &hold.id.to_string()).await?;
    hold_end(write, stamp, &hold, kind, &movements).await?;
    Ok(hold)
}

async fn forbid(app: &Inventory, tx: &mut TenantTx, call: &RequestContext, id: HoldId) -> Result<Option<Hold>, Fault> {
    let now = app.host.now(call.tenant);
    let stamp = Stamp { tenant: call.tenant, actor: &call.actor, now };
    if !hold_forbid(tx, stamp, id).await? {
        return Ok(None);
    }
    let hold = Hold {
        id,
        status: HoldStatus::Released,
        expires_at: now,
        lines: Vec::new(),
        order_id: None,
        version: 1,
        created_at: now,
        updated_at: now,
    };
    events::hold_changed(app, tx, call, &hold).await?;
    Ok(Some(hold))
}

fn busy() -> Fault {
    Fault::new(Code::Conflict, "busy", "Another request works on this hold; try again.").retry_after(1)
}
