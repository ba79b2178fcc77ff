//! A hold's time is over: its timer fires.

use bloom_fault::{Code, Fault};
use bloom_kernel::HoldId;
use bloom_runtime::RequestContext;

use super::release_hold::end_hold;
use crate::Inventory;
use crate::domain::hold::{Ending, HoldStatus};
use crate::store::hold::hold_lock;

/// Ends and publishes a hold that is over. A buyer may have ended its lines before; the hold itself ends here.
pub async fn expire_hold(app: &Inventory, call: &RequestContext, id: HoldId) -> Result<(), Fault> {
    let now = app.host.now(call.tenant);
    let mut tx = app.db.write(call).await?;
    let Some(stored) = hold_lock(&mut tx, id).await? else { return Ok(()) };
    if stored.hold.status != HoldStatus::Active {
        return Ok(());
    }
    let Ok(hold) = stored.hold.ended(Ending::Expiry, now) else {
        // Extended meanwhile: that has moved the timer, and this refusal is noted nowhere. Else the tenant's clock is behind.
        return Err(Fault::new(Code::Conflict, "hold_not_over", "The hold is not over yet.").retry_after(1));
    };
    end_hold(app, &mut tx, call, hold).await?;
    tx.commit().await?;
    app.marks.left(call.tenant);
    Ok(())
}
