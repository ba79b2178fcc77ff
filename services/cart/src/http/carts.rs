//! `/v1/carts`: what a storefront does with a cart, reads too, is permitted by `carts:write`; which cart, by its token.

use aide::axum::ApiRouter;
use aide::axum::routing::{get_with, patch_with, post_with};
use axum::extract::State;
use bloom_fault::Fault;
use bloom_kernel::{CartId, CartLineId};
use bloom_web::Reply;
use bloom_web::{Caller, CartToken, IfMatch, Json, Path};

use super::CartsWrite;
use crate::CartService;
use crate::domain::cart::Cart;
use crate::ops::change_cart::{CartPatch, Change, LinePatch, LinesAdd, change_cart};
use crate::ops::create_cart::{CartCreate, create_cart};
use crate::ops::read_cart::{DeliveryChoices, delivery_choices, read_cart};

pub(super) fn routes() -> ApiRouter<CartService> {
    ApiRouter::new()
        .api_route("/v1/carts", post_with(cart_create, |op| op.id("cart_create").tag("carts").summary("Create a cart")))
        .api_route(
            "/v1/carts/{cart_id}",
            get_with(cart_get, |op| op.id("cart_get").tag("carts").summary("Get a cart and its problems"))
                .patch_with(cart_update, |op| {
                    op.id("cart_update").tag("carts").summary("Update e-mail, addresses, delivery option or metadata of a cart")
                }),
        )
        .api_route(
            "/v1/carts/{cart_id}/lines",
            post_with(cart_line_add, |op| op.id("cart_line_add").tag("carts").summary("Add lines to a cart")),
        )
        .api_route(
            "/v1/carts/{cart_id}/lines/{line_id}",
            patch_with(cart_line_update, |op| op.id("cart_line_update").tag("carts").summary("Update the quantity of a line"))
                .delete_with(cart_line_remove, |op| op.id("cart_line_remove").tag("carts").summary("Remove a line from a cart")),
        )
        .api_route(
            "/v1/carts/{cart_id}/delivery-options",
            get_with(cart_delivery_options, |op| {
                op.id("cart_delivery_options").tag("carts").summary("List delivery options for a cart, with what each costs")
            }),
        )
}

async fn cart_create(
    State(app): State<CartService>,
    caller: Caller<CartsWrite>,
    Json(input): Json<CartCreate>,
) -> Result<Reply<Cart, 201>, Fault> {
    create_cart(&app, &caller, input).await
}

async fn cart_get(
    State(app): State<CartService>,
    caller: Caller<CartsWrite>,
    token: CartToken,
    Path(id): Path<CartId>,
) -> Result<Reply<Cart>, Fault> {
    read_cart(&app, &caller, &token, id).await
}

async fn cart_update(
    State(app): State<CartService>,
    caller: Caller<CartsWrite>,
    token: CartToken,
    if_match: IfMatch,
    Path(id): Path<CartId>,
    Json(input): Json<CartPatch>,
) -> Result<Reply<Cart>, Fault> {
    change_cart(&app, &caller, &token, id, if_match, Change::Patch(Box::new(input))).await
}

async fn cart_line_add(
    State(app): State<CartService>,
    caller: Caller<CartsWrite>,
    token: CartToken,
    if_match: IfMatch,
    Path(id): Path<CartId>,
    Json(input): Json<LinesAdd>,
) -> Result<Reply<Cart>, Fault> {
    change_cart(&app, &caller, &token, id, if_match, Change::Add(input)).await
}

async fn cart_line_update(
    State(app): State<CartService>,
    caller: Caller<CartsWrite>,
    token: CartToken,
    if_match: IfMatch,
    Path((id, line)): Path<(CartId, CartLineId)>,
    Json(input): Json<LinePatch>,
) -> Result<Reply<Cart>, Fault> {
    change_cart(&app, &caller, &token, id, if_match, Change::Quantity(line, input)).await
}

async fn cart_line_remove(
    State(app): State<CartService>,
    caller: Caller<CartsWrite>,
    token: CartToken,
    if_match: IfMatch,
    Path((id, line)): Path<(CartId, CartLineId)>,
) -> Result<Reply<Cart>, Fault> {
    change_cart(&app, &caller, &token, id, if_match, Change::Remove(line)).await
}

async fn cart_delivery_options(
    State(app): State<CartService>,
    caller: Caller<CartsWrite>,
    token: CartToken,
    Path(id): Path<CartId>,
) -> Result<Reply<DeliveryChoices>, Fault> {
    delivery_choices(&app, &caller, &token, id).await
}
