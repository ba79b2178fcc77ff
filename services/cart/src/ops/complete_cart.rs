//! A cart becomes an order.

use bloom_events::{Draft, publish};
use bloom_fault::Fault;
use bloom_kernel::{CartId, CheckoutId, OrderId};
use bloom_runtime::RequestContext;

use super::freeze_cart::{TRIES, busy};
use crate::CartService;
use crate::domain::cart::{Cart, Status, completed, frozen};
use crate::store::cart::{cart_complete, cart_get, document};

/// Completes the cart that this checkout froze; repeated, it changes nothing.
pub async fn complete_cart(
    app: &CartService,
    call: &RequestContext,
    id: CartId,
    checkout: CheckoutId,
    order: OrderId,
) -> Result<Status, Fault> {
    // A frozen cart changes when it is given back and when it is completed: whoever comes second looks again.
    for _ in 0..TRIES {
        let cart = cart_get(&app.db, call.tenant, id).await?.ok_or_else(|| Fault::not_found("cart"))?.cart;
        let ours = cart.checkout_id == Some(checkout);
        match cart.status {
            Status::Completed if ours && cart.order_id == Some(order) => return Ok(Status::Completed),
            Status::Completed => return Err(completed()),
            Status::Frozen if ours => {}
            Status::Frozen | Status::Open => return Err(frozen(cart.checkout_id)),
        }
        if try_complete(app, call, cart, order).await? {
            return Ok(Status::Completed);
        }
    }
    Err(busy())
}

async fn try_complete(app: &CartService, call: &RequestContext, mut cart: Cart, order: OrderId) -> Result<bool, Fault> {
    cart.status = Status::Completed;
    cart.order_id = Some(order);
    cart.version += 1;
    cart.updated_at = app.host.now(call.tenant);
    let document = document(&cart)?;
    let mut write = app.db.write_once(call);
    let (aggregate, version) = (cart.id.to_string(), cart.version);
    let draft = Draft { kind: "cart.completed", aggregate, version, data: &document, causation: None };
    publish(&mut write, &app.host, call, draft).await?;
    cart_complete(write, &cart, &document).await
}
