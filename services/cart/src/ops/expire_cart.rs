//! Removes carts that nobody has touched for the time that they are kept.

use bloom_events::{Draft, TimerHandler, publish, schedule};
use bloom_fault::Fault;
use bloom_kernel::{CartId, Timestamp};
use bloom_runtime::RequestContext;
use chrono::TimeDelta;
use futures::future::BoxFuture;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::CartService;
use crate::domain::cart::Status;
use crate::store::cart::{cart_delete, cart_lock};

/// Kind of the timer; its key is the cart's id.
pub const TIMER: &str = "cart_expiry";

/// What is left of a removed cart: the document of its last event.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Tombstone {
    /// The cart that was.
    pub id: CartId,
    /// Always true.
    pub deleted: bool,
    /// Its last version.
    pub version: i64,
}

/// The timer of a cart.
pub struct ExpireCart(pub CartService);

impl TimerHandler for ExpireCart {
    fn kind(&self) -> &'static str {
        TIMER
    }

    fn fire<'a>(&'a self, call: &'a RequestContext, key: &'a str, _: &'a RawValue) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(async move {
            match key.parse() {
                Ok(id) => expire_cart(&self.0, call, id).await,
                Err(_) => Ok(()),
            }
        })
    }
}

/// Removes the cart, or looks again when it will have been untouched for long enough.
pub async fn expire_cart(app: &CartService, call: &RequestContext, id: CartId) -> Result<(), Fault> {
    let now = app.host.now(call.tenant);
    let mut tx = app.db.write(call).await?;
    let Some(cart) = cart_lock(&mut tx, id).await? else { return Ok(()) };
    let due: Timestamp = match cart.status {
        Status::Open | Status::Completed => cart.updated_at + app.config.retention(),
        // Its checkout ends within minutes, one way or the other.
        Status::Frozen => now + TimeDelta::days(1),
    };
    if now < due {
        schedule(&mut tx, TIMER, &id.to_string(), due, &()).await?;
    } else {
        cart_delete(&mut tx, id).await?;
        let tombstone = Tombstone { id, deleted: true, version: cart.version + 1 };
        let (aggregate, version) = (id.to_string(), tombstone.version);
        let draft = Draft { kind: "cart.deleted", aggregate, version, data: &tombstone, causation: None };
        publish(&mut tx, &app.host, call, draft).await?;
    }
    tx.commit().await
}
