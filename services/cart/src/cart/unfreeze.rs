//! Unfreezes a cart, so that its buyer may change it. Called by the purchase saga over gRPC.

use bloom_events::Publish as _;
use bloom_fault::Fault;
use bloom_kernel::{CartId, CheckoutId};
use bloom_runtime::RequestContext;

use super::document::CartDocument;
use super::get::not_found;
use super::model::CartStatus;
use super::store::{cart_lock, cart_release, cart_reopen};
use crate::Carts;

/// Opens the cart if this checkout has frozen it. Either way a later freeze by this checkout is refused, because that request may
/// still be in transit.
pub(crate) async fn unfreeze(
    app: &Carts,
    context: &RequestContext,
    id: CartId,
    checkout: CheckoutId,
) -> Result<CartStatus, Fault> {
    app.db
        .transaction(context, async |tx| {
            let mut cart = cart_lock(tx, id).await?.ok_or_else(not_found)?;
            cart_release(tx, id, checkout).await?;
            if cart.status == CartStatus::Frozen && cart.checkout_id == Some(checkout) {
                cart.unfreeze(tx.now());
                let document = CartDocument::of(&cart)?;
                cart_reopen(tx, &cart, &document).await?;
                tx.publish_as("unfrozen", &document);
            }
            Ok(cart.status)
        })
        .await
}
