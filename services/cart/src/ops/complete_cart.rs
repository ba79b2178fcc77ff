//! A cart becomes an order.

use bloom_events::{Draft, publish};
use bloom_fault::Fault;
use bloom_kernel::{CartId, CheckoutId, OrderId};
use bloom_runtime::Call;

use crate::CartService;
use crate::domain::cart::{Status, completed, frozen};
use crate::store::cart::{cart_lock, cart_settle, document};

/// Completes the cart that this checkout froze; repeated, it changes nothing.
pub async fn complete_cart(
    app: &CartService,
    call: &Call,
    id: CartId,
    checkout: CheckoutId,
    order: OrderId,
) -> Result<Status, Fault> {
    let mut tx = app.db.write(call).await?;
    let mut cart = cart_lock(&mut tx, id).await?.ok_or_else(|| Fault::not_found("cart"))?;
    let ours = cart.checkout_id == Some(checkout);
    match cart.status {
        Status::Completed if ours && cart.order_id == Some(order) => return Ok(Status::Completed),
        Status::Completed => return Err(completed()),
        Status::Frozen if ours => {}
        Status::Frozen | Status::Open => return Err(frozen()),
    }
    cart.status = Status::Completed;
    cart.order_id = Some(order);
    cart.version += 1;
    cart.updated_at = app.host.now(call.tenant);
    let document = document(&cart)?;
    cart_settle(&mut tx, &cart, &document).await?;
    let (aggregate, version) = (cart.id.to_string(), cart.version);
    let draft = Draft { kind: "cart.completed", aggregate, version, data: &document, causation: None };
    publish(&mut tx, &app.host, call, draft).await?;
    tx.commit().await?;
    Ok(cart.status)
}
