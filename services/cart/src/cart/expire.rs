//! Removes a cart that has not changed for the retention time. Called by its timer.

use bloom_events::{Draft, publish, schedule};
use bloom_fault::Fault;
use bloom_kernel::{CartId, Timestamp};
use bloom_runtime::RequestContext;
use chrono::TimeDelta;
use schemars::JsonSchema;
use serde::Serialize;

use super::model::CartStatus;
use super::store::{cart_delete, cart_lock};
use crate::Carts;

/// Kind of the timer; its key is the cart's id.
pub(crate) const EXPIRY_TIMER: &str = "cart_expiry";

/// The document of the last event of a removed cart.
#[derive(Debug, Serialize, JsonSchema)]
struct CartTombstone {
    /// The removed cart.
    id: CartId,
    /// Always true.
    deleted: bool,
    /// Its last version.
    version: i64,
}

/// Removes the cart, or sets the timer again where it was changed in the meantime.
pub(crate) async fn expire(app: &Carts, call: &RequestContext, id: CartId) -> Result<(), Fault> {
    let now = app.host.now(call.tenant);
    let mut tx = app.db.write(call).await?;
    let Some(cart) = cart_lock(&mut tx, id).await? else { return Ok(()) };
    let due: Timestamp = match cart.status {
        CartStatus::Open | CartStatus::Completed => cart.updated_at + app.config.retention(),
        // Its checkout ends within minutes and unfreezes or completes the cart.
        CartStatus::Frozen => now + TimeDelta::days(1),
    };
    if now < due {
        schedule(&mut tx, EXPIRY_TIMER, &id.to_string(), due, &()).await?;
    } else {
        cart_delete(&mut tx, id).await?;
        let tombstone = CartTombstone { id, deleted: true, version: cart.version + 1 };
        let (aggregate, version) = (id.to_string(), tombstone.version);
        let draft = Draft { kind: "cart.deleted", aggregate, version, data: &tombstone, causation: None };
        publish(&mut tx, &app.host, call, draft).await?;
    }
    tx.commit().await
}
