//! Freezes a cart for one checkout, with the prices that the buyer saw. Called by the purchase saga over gRPC.

use bloom_contract_cart::{CartRefusal, CartToken};
use bloom_events::Publish as _;
use bloom_fault::{Code, Fault};
use bloom_kernel::{CartId, CheckoutId};
use bloom_runtime::RequestContext;
use bloom_web::IfMatch;

use super::document::CartDocument;
use super::get::{load_unguarded, not_found};
use super::model::{CartStatus, completed, frozen};
use super::price::{Purpose, price};
use super::problem::refusal;
use super::store::{StoredCart, cart_update};
use crate::Carts;

/// How often a cart is read again that has changed between the read and the write.
pub(super) const ATTEMPTS_MAX: usize = 3;

/// The request of a checkout.
pub(crate) struct Freeze {
    pub(crate) cart: CartId,
    pub(crate) checkout: CheckoutId,
    /// The token that a storefront sent; none for a request with a secret key.
    pub(crate) token: Option<String>,
    /// The version that the buyer saw; 0: any.
    pub(crate) version: i64,
}

/// Freezes the cart; a repeat by the same checkout gets the same answer.
pub(crate) async fn freeze(app: &Carts, context: &RequestContext, freeze: &Freeze) -> Result<StoredCart, Fault> {
    for _ in 0..ATTEMPTS_MAX {
        let Some(stored) = load_unguarded(app, context, freeze.cart).await? else { return Err(not_found()) };
        if freeze.token.as_deref().is_some_and(|shown| !CartToken::fits(shown, &stored.token_digest)) {
            return Err(not_found());
        }
        let ours = stored.cart.checkout_id == Some(freeze.checkout);
        match stored.cart.status {
            CartStatus::Frozen | CartStatus::Completed if ours => return Ok(stored),
            CartStatus::Frozen => return Err(frozen(stored.cart.checkout_id)),
            CartStatus::Completed => return Err(completed()),
            CartStatus::Open => {}
        }
        if stored.released.contains(&freeze.checkout) {
            let detail = "This checkout has already unfrozen the cart.";
            return Err(Fault::new(Code::Conflict, CartRefusal::CheckoutEnded.as_str(), detail));
        }
        if freeze.version != 0 && freeze.version != stored.cart.version {
            return Err(IfMatch::stale());
        }
        if let Some(frozen) = try_freeze(app, context, freeze.checkout, stored).await? {
            return Ok(frozen);
        }
    }
    Err(busy())
}

/// The refusal of a cart that changed during every attempt.
pub(super) fn busy() -> Fault {
    Fault::new(Code::Conflict, CartRefusal::Busy.as_str(), "The cart is being changed; try again.").retry_after(1)
}

async fn try_freeze(
    app: &Carts,
    context: &RequestContext,
    checkout: CheckoutId,
    stored: StoredCart,
) -> Result<Option<StoredCart>, Fault> {
    let priced = price(app, context, &stored, stored.cart.clone(), &[], Purpose::Checkout).await?;
    if let Some(refusal) = refusal(&priced.problems) {
        return Err(refusal);
    }
    let mut cart = priced.cart;
    cart.freeze(checkout, app.context.now(context.tenant));
    let document = CartDocument::of(&cart)?;
    let stored = StoredCart { cart, locations: priced.catalog.channel.locations, ..stored };
    let mut write = app.db.write_once(context);
    write.publish_as("frozen", &document);
    let changed = cart_update(write, &stored, None, &document).await?;
    Ok(changed.then_some(stored))
}
