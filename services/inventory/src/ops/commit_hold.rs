//! A hold becomes an allocation of an order.

use bloom_fault::Fault;
use bloom_kernel::{HoldId, MovementId, OrderId};
use bloom_runtime::RequestContext;

use crate::domain::hold::{Ending, Hold, HoldStatus};
use crate::domain::movement::MovementKind;
use crate::error::Refusal;
use crate::store::hold::{hold_end, hold_lock};
use crate::store::movement::Stamp;
use crate::{Inventory, events};

/// Commits a hold to an order. A repeat for the same order finds it done.
pub async fn commit_hold(app: &Inventory, call: &RequestContext, id: HoldId, order: OrderId) -> Result<Hold, Fault> {
    let now = app.host.now(call.tenant);
    let mut tx = app.db.write(call).await?;
    let stored = hold_lock(&mut tx, id).await?.ok_or_else(|| Fault::not_found("hold"))?;
    if stored.hold.status == HoldStatus::Committed {
        return if stored.hold.order_id == Some(order) { Ok(stored.hold) } else { Err(Refusal::HoldCommitted.into()) };
    }
    let hold = stored.hold.ended(Ending::Commit(order), now)?;
    let stamp = Stamp { tenant: call.tenant, actor: &call.actor, now };
    let movements: Vec<MovementId> = hold.lines.iter().map(|_| app.host.id(call.tenant)).collect();
    let mut write = tx.step();
    events::hold_changed(app, &mut write, call, &hold).await?;
    bloom_events::cancel(&mut write, events::HOLD_EXPIRY, &hold.id.to_string()).await?;
    // A buyer with a faster clock may have ended a line of it already: then none is committed.
    if hold_end(write, stamp, &hold, MovementKind::Allocated, &movements).await? != hold.lines_len() {
        return Err(Refusal::HoldEnded.into());
    }
    tx.commit().await?;
    app.marks.left(call.tenant);
    Ok(hold)
}
