//! Turns a hold into an allocation of an order: gRPC `CommitHold`.

use bloom_events::Publish as _;
use bloom_fault::Fault;
use bloom_kernel::{HoldId, MovementId, OrderId};
use bloom_runtime::RequestContext;

use super::model::{Ending, HOLD_EXPIRE, Hold, HoldStatus};
use super::store::{hold_end, hold_lock};
use crate::Inventory;
use crate::error::{hold_committed, hold_expired};
use crate::movement::MovementKind;

/// Commits a hold to an order. A repeat for the same order succeeds without effect.
pub(crate) async fn commit(app: &Inventory, context: &RequestContext, id: HoldId, order: OrderId) -> Result<Hold, Fault> {
    app.db
        .transaction(context, async |tx| {
            let stored = hold_lock(tx, id).await?.ok_or_else(|| Fault::not_found("hold"))?;
            if stored.hold.status == HoldStatus::Committed {
                return if stored.hold.order_id == Some(order) { Ok(stored.hold) } else { Err(hold_committed()) };
            }
            let hold = stored.hold.ended(Ending::Commit(order), tx.now())?;
            let movements: Vec<MovementId> = hold.lines.iter().map(|_| tx.new_id()).collect();
            app.stock_changed(tx);
            let mut write = tx.step();
            write.publish(&hold);
            write.unschedule(HOLD_EXPIRE, &hold.id.to_string());
            // A request with a faster clock may have expired some of its lines already. Then no line is committed.
            if hold_end(write, &hold, MovementKind::Allocated, &movements).await? != hold.lines_len() {
                return Err(hold_expired());
            }
            Ok(hold)
        })
        .await
}
