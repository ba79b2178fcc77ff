//! `GET /v1/carts/{cart_id}/delivery-options`: the delivery options that serve a cart, with the charge of each.

use axum::extract::State;
use bloom_contract_cart::CartToken;
use bloom_fault::Fault;
use bloom_kernel::{CartId, Code, DeliveryOptionId, Money, Name};
use bloom_web::Reply;
use bloom_web::{Caller, Path};
use schemars::JsonSchema;
use serde::Serialize;

use super::get::load;
use crate::delivery_option::delivery_option_list;
use crate::{Carts, CartsWrite};

/// The most options that are considered for one cart.
const OPTIONS_MAX: i64 = 100;

/// A delivery option for a cart, with its charge before tax is calculated.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct DeliveryChoice {
    /// The option.
    pub delivery_option_id: DeliveryOptionId,
    /// Code of the option.
    pub code: Code,
    /// Name for buyers.
    pub name: Name,
    /// The charge in the cart's price basis.
    pub price: Money,
}

/// All delivery options for a cart.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct DeliveryChoices {
    /// In the merchant's order.
    pub data: Vec<DeliveryChoice>,
}

pub(super) async fn delivery_options(
    State(app): State<Carts>,
    caller: Caller<CartsWrite>,
    token: CartToken,
    Path(id): Path<CartId>,
) -> Result<Reply<DeliveryChoices>, Fault> {
    let cart = load(&app, &caller, &token, id).await?.cart;
    let mut conn = app.db.read(caller.tenant).await?;
    let options = delivery_option_list(&mut conn, Some(true), None, OPTIONS_MAX).await?;
    let data = options.into_iter().filter_map(|option| {
        let price = Money::new(option.charge_for(&cart.parcel()).ok()?, cart.currency);
        Some(DeliveryChoice { delivery_option_id: option.id, code: option.code, name: option.name, price })
    });
    Ok(Reply::ok(DeliveryChoices { data: data.collect() }))
}
