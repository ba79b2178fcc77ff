//! Freezes a cart for one checkout, priced as the buyer saw it.

use bloom_events::{Draft, publish};
use bloom_fault::{Code, Fault};
use bloom_kernel::{CartId, CheckoutId};
use bloom_runtime::RequestContext;
use bloom_web::{CartToken, IfMatch};

use super::price_cart::{Look, price_cart};
use super::read_cart::load_unguarded;
use crate::CartService;
use crate::domain::cart::{Status, completed, frozen};
use crate::domain::problem::refusal;
use crate::store::cart::{Stored, cart_update, document};

/// A cart may change between the read and the write; a buyer who writes that often while buying gets told.
pub(super) const TRIES: usize = 3;

/// What a checkout asks.
pub struct Freeze {
    /// Which cart.
    pub cart: CartId,
    /// For whom.
    pub checkout: CheckoutId,
    /// What a storefront shows as its token; absent when a secret key asked.
    pub token: Option<String>,
    /// The version that the buyer saw; 0: any.
    pub version: i64,
}

/// Freezes the cart; repeated by the same checkout, it answers the same.
pub async fn freeze_cart(app: &CartService, call: &RequestContext, freeze: &Freeze) -> Result<Stored, Fault> {
    for _ in 0..TRIES {
        let Some(stored) = load_unguarded(app, call, freeze.cart).await? else { return Err(Fault::not_found("cart")) };
        if freeze.token.as_deref().is_some_and(|shown| !CartToken::fits(shown, &stored.token_digest)) {
            return Err(Fault::not_found("cart"));
        }
        let ours = stored.cart.checkout_id == Some(freeze.checkout);
        match stored.cart.status {
            Status::Frozen | Status::Completed if ours => return Ok(stored),
            Status::Frozen => return Err(frozen(stored.cart.checkout_id)),
            Status::Completed => return Err(completed()),
            Status::Open => {}
        }
        if stored.released.contains(&freeze.checkout) {
            let detail = "This checkout has already given the cart back.";
            return Err(Fault::new(Code::Conflict, "checkout_ended", detail));
        }
        if freeze.version != 0 && freeze.version != stored.cart.version {
            return Err(IfMatch::stale());
        }
        if let Some(frozen) = try_freeze(app, call, freeze.checkout, stored).await? {
            return Ok(frozen);
        }
    }
    Err(busy())
}

/// Somebody changes the cart as fast as we do.
pub(super) fn busy() -> Fault {
    Fault::new(Code::Conflict, "busy", "The cart is being changed; try again.").retry_after(1)
}

async fn try_freeze(
    app: &CartService,
    call: &RequestContext,
    checkout: CheckoutId,
    stored: Stored,
) -> Result<Option<Stored>, Fault> {
    let priced = price_cart(app, call, &stored, stored.cart.clone(), &[], Look::Checkout).await?;
    if let Some(refusal) = refusal(&priced.problems) {
        return Err(refusal);
    }
    let mut cart = priced.cart;
    cart.status = Status::Frozen;
    cart.checkout_id = Some(checkout);
    cart.version += 1;
    cart.updated_at = app.host.now(call.tenant);
    let document = document(&cart)?;
    let stored = Stored { cart, locations: priced.facts.channel.locations, ..stored };
    let mut write = app.db.write_once(call);
    let (aggregate, version) = (stored.cart.id.to_string(), stored.cart.version);
    let draft = Draft { kind: "cart.frozen", aggregate, version, data: &document, causation: None };
    publish(&mut write, &app.host, call, draft).await?;
    Ok(if cart_update(write, &stored, None, &document).await? { Some(stored) } else { None })
}
