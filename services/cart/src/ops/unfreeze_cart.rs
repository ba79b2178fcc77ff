//! Gives a cart back to its buyer.

use bloom_events::{Draft, publish};
use bloom_fault::Fault;
use bloom_kernel::{CartId, CheckoutId};
use bloom_runtime::RequestContext;

use crate::CartService;
use crate::domain::cart::Status;
use crate::store::cart::{cart_lock, cart_released, cart_reopen, document};

/// Opens the cart if this checkout froze it. In any case a later freeze of the checkout is refused: it may still be on the
/// way.
pub async fn unfreeze_cart(app: &CartService, call: &RequestContext, id: CartId, checkout: CheckoutId) -> Result<Status, Fault> {
    let mut tx = app.db.write(call).await?;
    let mut cart = cart_lock(&mut tx, id).await?.ok_or_else(|| Fault::not_found("cart"))?;
    cart_released(&mut tx, id, checkout).await?;
    if cart.status == Status::Frozen && cart.checkout_id == Some(checkout) {
        cart.status = Status::Open;
        cart.checkout_id = None;
        cart.version += 1;
        cart.updated_at = app.host.now(call.tenant);
        let document = document(&cart)?;
        cart_reopen(&mut tx, &cart, &document).await?;
        let (aggregate, version) = (cart.id.to_string(), cart.version);
        let draft = Draft { kind: "cart.unfrozen", aggregate, version, data: &document, causation: None };
        publish(&mut tx, &app.host, call, draft).await?;
    }
    tx.commit().await?;
    Ok(cart.status)
}
