//! Releases a hold. `POST /v1/inventory/holds/{hold_id}/release`, and gRPC `ReleaseHold`.

use axum::extract::State;
use bloom_db::TenantTx;
use bloom_events::Publish as _;
use bloom_fault::{Code, Fault};
use bloom_kernel::{HoldId, MovementId};
use bloom_runtime::RequestContext;
use bloom_web::{Caller, Path, Reply};

use super::model::{Ending, HOLD_EXPIRE, Hold, HoldStatus};
use super::store::{hold_end, hold_forbid, hold_lock};
use crate::movement::MovementKind;
use crate::{Inventory, InventoryWrite};

pub(super) async fn release(
    State(app): State<Inventory>,
    caller: Caller<InventoryWrite>,
    Path(id): Path<HoldId>,
) -> Result<Reply<Hold>, Fault> {
    app.db
        .idempotent(caller.operation("hold_release", &id), async |tx| {
            let hold = release_in(tx, id).await?.ok_or_else(|| Fault::not_found("hold"))?;
            app.stock_changed(tx);
            Ok(Reply::new(hold.at(tx.now())))
        })
        .await
}

/// Ends a hold without effect. An ended hold keeps its status. An unknown id is recorded as released, so that a request still in
/// progress, whose caller has given up, cannot place the hold later.
pub(crate) async fn release_or_forbid(app: &Inventory, context: &RequestContext, id: HoldId) -> Result<Hold, Fault> {
    app.db
        .transaction(context, async |tx| {
            app.stock_changed(tx);
            if let Some(hold) = release_in(tx, id).await? {
                return Ok(hold);
            }
            if let Some(hold) = forbid(tx, id).await? {
                return Ok(hold);
            }
            // The hold was placed between the two statements, so it is found now.
            release_in(tx, id).await?.ok_or_else(busy)
        })
        .await
}

/// Ends a hold in the caller's transaction; `None` when it does not exist.
async fn release_in(tx: &mut TenantTx, id: HoldId) -> Result<Option<Hold>, Fault> {
    let Some(stored) = hold_lock(tx, id).await? else { return Ok(None) };
    if stored.hold.status != HoldStatus::Active {
        return Ok(Some(stored.hold));
    }
    let ended = stored.hold.ended(Ending::Release, tx.now())?;
    end(tx, ended).await.map(Some)
}

/// Stores and publishes a hold that has ended without effect.
pub(super) async fn end(tx: &mut TenantTx, hold: Hold) -> Result<Hold, Fault> {
    let kind = match hold.status {
        HoldStatus::Expired => MovementKind::HoldExpired,
        HoldStatus::Active | HoldStatus::Released | HoldStatus::Committed => MovementKind::HoldReleased,
    };
    let movements: Vec<MovementId> = hold.lines.iter().map(|_| tx.new_id()).collect();
    let mut write = tx.step();
    write.publish(&hold);
    write.unschedule(HOLD_EXPIRE, &hold.id.to_string());
    hold_end(write, &hold, kind, &movements).await?;
    Ok(hold)
}

async fn forbid(tx: &mut TenantTx, id: HoldId) -> Result<Option<Hold>, Fault> {
    let now = tx.now();
    if !hold_forbid(tx, id).await? {
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
    tx.publish(&hold);
    Ok(Some(hold))
}

fn busy() -> Fault {
    Fault::new(Code::Conflict, "busy", "Another request works on this hold; try again.").retry_after(1)
}
