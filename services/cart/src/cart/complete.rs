//! Completes a cart, which has become an order. Called by the purchase saga over gRPC.

use bloom_events::Publish as _;
use bloom_fault::Fault;
use bloom_kernel::{CartId, CheckoutId, OrderId};
use bloom_runtime::RequestContext;

use super::document::CartDocument;
use super::freeze::{ATTEMPTS_MAX, busy};
use super::get::not_found;
use super::model::{Cart, CartStatus, completed, frozen};
use super::store::{cart_complete, cart_get};
use crate::Carts;

/// Completes the cart that this checkout has frozen; a repeat changes nothing.
pub(crate) async fn complete(
    app: &Carts,
    context: &RequestContext,
    id: CartId,
    checkout: CheckoutId,
    order: OrderId,
) -> Result<CartStatus, Fault> {
    // The cart may be unfrozen or completed between the read and the write; then it is read again.
    for _ in 0..ATTEMPTS_MAX {
        let cart = cart_get(&app.db, context.tenant, id).await?.ok_or_else(not_found)?.cart;
        let ours = cart.checkout_id == Some(checkout);
        match cart.status {
            CartStatus::Completed if ours && cart.order_id == Some(order) => return Ok(CartStatus::Completed),
            CartStatus::Completed => return Err(completed()),
            CartStatus::Frozen if ours => {}
            CartStatus::Frozen | CartStatus::Open => return Err(frozen(cart.checkout_id)),
        }
        if try_complete(app, context, cart, order).await? {
            return Ok(CartStatus::Completed);
        }
    }
    Err(busy())
}

async fn try_complete(app: &Carts, context: &RequestContext, mut cart: Cart, order: OrderId) -> Result<bool, Fault> {
    cart.complete(order, app.context.now(context.tenant));
    let document = CartDocument::of(&cart)?;
    let mut write = app.db.write_once(context);
    write.publish_as("completed", &document);
    Ok(cart_complete(write, &cart, &document).await?)
}
