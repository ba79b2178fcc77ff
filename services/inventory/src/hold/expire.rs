//! The timer that expires a hold.

use bloom_fault::{Code, Fault};
use bloom_kernel::HoldId;
use bloom_runtime::RequestContext;

use super::model::{Ending, HoldStatus};
use super::release::end;
use super::store::hold_lock;
use crate::Inventory;

/// Ends and publishes an expired hold. Another request may have ended its lines earlier; the hold itself ends here.
pub(crate) async fn expire(app: &Inventory, context: &RequestContext, id: HoldId, (): ()) -> Result<(), Fault> {
    app.db
        .transaction(context, async |tx| {
            let Some(stored) = hold_lock(tx, id).await? else { return Ok(()) };
            if stored.hold.status != HoldStatus::Active {
                return Ok(());
            }
            let Ok(hold) = stored.hold.ended(Ending::Expiry, tx.now()) else {
                // The hold was extended, which has moved the timer, so this refusal is not stored. Otherwise the tenant's clock is
                // behind the clock of the timer.
                return Err(Fault::new(Code::Conflict, "hold_not_over", "The hold is not over yet.").retry_after(1));
            };
            app.stock_changed(tx);
            end(tx, hold).await.map(drop)
        })
        .await
}
