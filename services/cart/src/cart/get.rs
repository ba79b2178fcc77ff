//! `GET /v1/carts/{cart_id}`: a cart with the stored prices and the present problems.

use axum::extract::State;
use bloom_contract_cart::CartToken;
use bloom_fault::Fault;
use bloom_kernel::CartId;
use bloom_runtime::RequestContext;
use bloom_web::{Caller, Path, Reply};

use super::model::{Cart, CartStatus};
use super::personal;
use super::price::{Purpose, price};
use super::store::{StoredCart, cart_get};
use crate::delivery_option::delivery_option_get;
use crate::{Carts, CartsWrite};

/// A cart that is frozen or completed has no problems.
pub(super) async fn get(
    State(app): State<Carts>,
    caller: Caller<CartsWrite>,
    token: CartToken,
    Path(id): Path<CartId>,
) -> Result<Reply<Cart>, Fault> {
    let stored = load(&app, &caller, &token, id).await?;
    let problems = match stored.cart.status {
        CartStatus::Open => price(&app, &caller, &stored, stored.cart.clone(), &[], Purpose::Read).await?.problems,
        CartStatus::Frozen | CartStatus::Completed => Vec::new(),
    };
    let mut cart = stored.cart;
    cart.problems = Some(problems);
    let version = cart.version;
    Ok(Reply::ok(cart).etag(version))
}

/// A cart that the caller may see, with its personal data; any other answers as an unknown one.
pub(super) async fn load(app: &Carts, caller: &RequestContext, token: &CartToken, id: CartId) -> Result<StoredCart, Fault> {
    token.required(caller)?;
    let stored = load_unguarded(app, caller, id).await?;
    stored.filter(|stored| token.opens(caller, Some(&stored.token_digest))).ok_or_else(not_found)
}

/// A cart with its personal data and its delivery option, for any caller.
pub(super) async fn load_unguarded(app: &Carts, context: &RequestContext, id: CartId) -> Result<Option<StoredCart>, Fault> {
    let Some(mut stored) = cart_get(&app.db, context.tenant, id).await? else { return Ok(None) };
    let personal = personal::open(app, context.tenant, &stored)?;
    stored.cart.set_personal(personal);
    if let (CartStatus::Open, Some(option)) = (stored.cart.status, stored.cart.delivery_option_id) {
        stored.option = delivery_option_get(&app.db, context.tenant, option).await?;
    }
    Ok(Some(stored))
}

pub(super) fn not_found() -> Fault {
    Fault::not_found("cart")
}
