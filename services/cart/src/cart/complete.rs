//! Completes a cart, which has become an order. Called by the purchase saga over gRPC.

use bloom_events::{Draft, publish};
use bloom_fault::Fault;
use bloom_kernel::{CartId, CheckoutId, OrderId};
use bloom_runtime::RequestContext;

use super::freeze::{ATTEMPTS_MAX, busy};
use super::model::{Cart, CartStatus, completed, frozen};
use super::store::{cart_complete, cart_get, document};
use crate::Carts;

/// Completes the cart that this checkout has frozen; a repeat changes nothing.
pub(crate) async fn complete(
    app: &Carts,
    call: &RequestContext,
    id: CartId,
    checkout: CheckoutId,
    order: OrderId,
) -> Result<CartStatus, Fault> {
    // The cart may be unfrozen or completed between the read and the write; then it is read again.
    for _ in 0..ATTEMPTS_MAX {
        let cart = cart_get(&app.db, call.tenant, id).await?.ok_or_else(|| Fault::not_found("cart"))?.cart;
        let ours = cart.checkout_id == Some(checkout);
        match cart.status {
            CartStatus::Completed if ours && cart.order_id == Some(order) => return Ok(CartStatus::Completed),
            CartStatus::Completed => return Err(completed()),
            CartStatus::Frozen if ours => {}
            CartStatus::Frozen | CartStatus::Open => return Err(frozen(cart.checkout_id)),
        }
        if try_complete(app, call, cart, order).await? {
            return Ok(CartStatus::Completed);
        }
    }
    Err(busy())
}

async fn try_complete(app: &Carts, call: &RequestContext, mut cart: Cart, order: OrderId) -> Result<bool, Fault> {
    cart.status = CartStatus::Completed;
    cart.order_id = Some(order);
    cart.version += 1;
    cart.updated_at = app.host.now(call.tenant);
    let document = document(&cart)?;
    let mut write = app.db.write_once(call);
    let (aggregate, version) = (cart.id.to_string(), cart.version);
    let draft = Draft { kind: "cart.completed", aggregate, version, data: &document, causation: None };
    publish(&mut write, &app.host, call, draft).await?;
    Ok(cart_complete(write, &cart, &document).await?)
}
