//! Gives a cart back to its buyer. Called by the purchase saga over gRPC.

use bloom_events::{Draft, publish};
use bloom_fault::Fault;
use bloom_kernel::{CartId, CheckoutId};
use bloom_runtime::RequestContext;

use super::model::CartStatus;
use super::store::{cart_lock, cart_release, cart_reopen, document};
use crate::Carts;

/// Opens the cart if this checkout has frozen it. In any case a later freeze by this checkout is refused, because that request
/// may still be on its way.
pub(crate) async fn unfreeze(app: &Carts, call: &RequestContext, id: CartId, checkout: CheckoutId) -> Result<CartStatus, Fault> {
    let mut tx = app.db.write(call).await?;
    let mut cart = cart_lock(&mut tx, id).await?.ok_or_else(|| Fault::not_found("cart"))?;
    cart_release(&mut tx, id, checkout).await?;
    if cart.status == CartStatus::Frozen && cart.checkout_id == Some(checkout) {
        cart.status = CartStatus::Open;
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
