//! Reads a cart as its buyer sees it: stored prices, and the problems of this moment.

use bloom_db::seal::open_with;
use bloom_fault::Fault;
use bloom_kernel::{CartId, DeliveryOptionId, Money};
use bloom_runtime::RequestContext;
use bloom_web::CartToken;
use bloom_web::Reply;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::create_cart::PERSONAL;
use super::price_cart::{Look, price_cart};
use crate::CartService;
use crate::domain::address::Personal;
use crate::domain::cart::{Cart, Status};
use crate::store::cart::{Stored, cart_get};
use crate::store::delivery_option::{delivery_option_get, delivery_option_list};

/// A cart with its problems; one that is frozen or completed has none left to solve.
pub async fn read_cart(app: &CartService, call: &RequestContext, token: &CartToken, id: CartId) -> Result<Reply<Cart>, Fault> {
    let stored = load(app, call, token, id).await?;
    let problems = match stored.cart.status {
        Status::Open => price_cart(app, call, &stored, stored.cart.clone(), &[], Look::Read).await?.problems,
        Status::Frozen | Status::Completed => Vec::new(),
    };
    let mut cart = stored.cart;
    cart.problems = Some(problems);
    let version = cart.version;
    Ok(Reply::ok(cart).etag(version))
}

/// A cart that the caller may see, with its personal data; any other answers as an unknown one.
pub async fn load(app: &CartService, call: &RequestContext, token: &CartToken, id: CartId) -> Result<Stored, Fault> {
    token.required(call)?;
    let stored = load_unguarded(app, call, id).await?;
    stored.filter(|stored| token.opens(call, Some(&stored.token_digest))).ok_or_else(|| Fault::not_found("cart"))
}

/// A cart with its personal data and its way to deliver, whoever asks.
pub async fn load_unguarded(app: &CartService, call: &RequestContext, id: CartId) -> Result<Option<Stored>, Fault> {
    let Some(mut stored) = cart_get(&app.db, call.tenant, id).await? else { return Ok(None) };
    if let Some(sealed) = &stored.personal {
        let opened = open_with(&app.host, call.tenant, stored.subject, stored.wrapped.as_deref(), PERSONAL, sealed)?;
        let personal = opened.map(|bytes| serde_json::from_slice::<Personal>(&bytes)).transpose();
        stored.cart.set_personal(personal.map_err(Fault::internal)?.unwrap_or_default());
    }
    if let (Status::Open, Some(option)) = (stored.cart.status, stored.cart.delivery_option_id) {
        stored.option = delivery_option_get(&app.db, call.tenant, option).await?;
    }
    Ok(Some(stored))
}

/// A way to deliver a cart, with its charge before tax is worked out.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct DeliveryChoice {
    /// The option.
    pub delivery_option_id: DeliveryOptionId,
    /// The merchant's own word for it.
    pub code: String,
    /// What buyers read.
    pub name: String,
    /// The charge in the cart's price basis.
    pub price: Money,
}

/// Every way to deliver a cart.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct DeliveryChoices {
    /// In the merchant's order.
    pub data: Vec<DeliveryChoice>,
}

/// Most options that are looked at for one cart.
const CHOICES_MAX: i64 = 100;

/// The options that serve a cart as it is.
pub async fn delivery_choices(
    app: &CartService,
    call: &RequestContext,
    token: &CartToken,
    id: CartId,
) -> Result<Reply<DeliveryChoices>, Fault> {
    let cart = load(app, call, token, id).await?.cart;
    let start = (i32::MIN, DeliveryOptionId::from_uuid(Uuid::nil()));
    let mut connection = app.db.read(call.tenant).await?;
    let options = delivery_option_list(&mut connection, Some(true), start, CHOICES_MAX).await?;
    let data = options.into_iter().filter_map(|option| {
        let price = Money::new(option.charge_for(&cart.parcel()).ok()?, cart.currency);
        Some(DeliveryChoice { delivery_option_id: option.id, code: option.code, name: option.name, price })
    });
    Ok(Reply::ok(DeliveryChoices { data: data.collect() }))
}
