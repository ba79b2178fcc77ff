//! `GET /v1/carts/{cart_id}`: a cart with the stored prices and the present problems.

use axum::extract::State;
use bloom_db::seal::open_with;
use bloom_fault::Fault;
use bloom_kernel::CartId;
use bloom_runtime::RequestContext;
use bloom_web::Reply;
use bloom_web::{Caller, CartToken, Path};

use super::create::PERSONAL;
use super::model::{Cart, CartStatus};
use super::personal::Personal;
use super::price::{Purpose, price};
use super::store::{StoredCart, cart_get};
use crate::Carts;
use crate::delivery_option::delivery_option_get;
use crate::permissions::CartsWrite;

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
pub(super) async fn load(app: &Carts, call: &RequestContext, token: &CartToken, id: CartId) -> Result<StoredCart, Fault> {
    token.required(call)?;
    let stored = load_unguarded(app, call, id).await?;
    stored.filter(|stored| token.opens(call, Some(&stored.token_digest))).ok_or_else(|| Fault::not_found("cart"))
}

/// A cart with its personal data and its delivery option, for any caller.
pub(super) async fn load_unguarded(app: &Carts, call: &RequestContext, id: CartId) -> Result<Option<StoredCart>, Fault> {
    let Some(mut stored) = cart_get(&app.db, call.tenant, id).await? else { return Ok(None) };
    if let Some(sealed) = &stored.personal {
        let opened = open_with(&app.host, call.tenant, stored.subject, stored.wrapped.as_deref(), PERSONAL, sealed)?;
        let personal = opened.map(|bytes| serde_json::from_slice::<Personal>(&bytes)).transpose();
        stored.cart.set_personal(personal.map_err(Fault::internal)?.unwrap_or_default());
    }
    if let (CartStatus::Open, Some(option)) = (stored.cart.status, stored.cart.delivery_option_id) {
        stored.option = delivery_option_get(&app.db, call.tenant, option).await?;
    }
    Ok(Some(stored))
}
