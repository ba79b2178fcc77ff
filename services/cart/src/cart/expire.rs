//! Removes a cart that has not changed for the retention time. Called by its timer.

use bloom_events::Publish as _;
use bloom_fault::Fault;
use bloom_kernel::CartId;
use bloom_runtime::RequestContext;
use chrono::TimeDelta;

use super::document::CartDocument;
use super::model::CartStatus;
use super::store::{cart_delete, cart_lock};
use crate::Carts;

/// Kind of the timer; its key is the cart's id.
pub(crate) const EXPIRY_TIMER: &str = "cart_expiry";

/// Removes the cart, or sets the timer again where it was changed in the meantime.
pub(crate) async fn expire(app: &Carts, context: &RequestContext, id: CartId, (): ()) -> Result<(), Fault> {
    app.db
        .transaction(context, async |tx| {
            let Some(cart) = cart_lock(tx, id).await? else { return Ok(()) };
            let due = match cart.status {
                CartStatus::Open | CartStatus::Completed => cart.updated_at + app.config.retention(),
                // Its checkout ends within minutes and unfreezes or completes the cart.
                CartStatus::Frozen => tx.now() + TimeDelta::days(1),
            };
            if tx.now() < due {
                tx.schedule(EXPIRY_TIMER, &id.to_string(), due, &());
            } else {
                cart_delete(tx, id).await?;
                tx.publish_deleted(&CartDocument::of(&cart)?);
            }
            Ok(())
        })
        .await
}
