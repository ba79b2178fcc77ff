//! `/v1/checkouts`: from a cart to an order.

use aide::OperationOutput;
use aide::axum::ApiRouter;
use aide::axum::routing::{get_with, post_with};
use aide::generate::GenContext;
use aide::openapi::{Operation, Response as ResponseDoc};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bloom_contract_cart::CartToken;
use bloom_fault::Fault;
use bloom_kernel::CheckoutId;
use bloom_web::Reply;
use bloom_web::openapi::needs_key;
use bloom_web::{Caller, Json, Path};

use super::CheckoutsWrite;
use crate::Orders;
use crate::domain::checkout::Checkout;
use crate::ops::cancel_checkout::cancel_checkout;
use crate::ops::read_checkout::read_checkout;
use crate::ops::start_checkout::{CheckoutCreate, CheckoutReply, start_checkout};

pub(super) fn routes() -> ApiRouter<Orders> {
    ApiRouter::new()
        .api_route(
            "/v1/checkouts",
            post_with(checkout_create, |op| {
                needs_key(op)
                    .id("checkout_create")
                    .tag("checkouts")
                    .summary("Check out a cart: hold stock, authorise payment, place the order")
                    .description(
                        "One call freezes the cart, holds stock, authorises the payment and places the order (201), or says what \
                     the payer has to do first (202). A failed one leaves nothing.",
                    )
            }),
        )
        .api_route(
            "/v1/checkouts/{checkout_id}",
            get_with(checkout_get, |op| op.id("checkout_get").tag("checkouts").summary("Get a checkout")),
        )
        .api_route(
            "/v1/checkouts/{checkout_id}/cancel",
            post_with(checkout_cancel, |op| {
                op.id("checkout_cancel").tag("checkouts").summary("Give up a checkout that waits for its payment").description(
                    "Its units are released, its payment is voided and its cart is open again, a moment later: the checkout is \
                     `compensating` until it is `failed`. One that has failed is answered as it is. An order that was placed is \
                     canceled by `POST /v1/orders/{order_id}/cancel`.",
                )
            }),
        )
}

async fn checkout_create(
    State(app): State<Orders>,
    caller: Caller<CheckoutsWrite>,
    token: CartToken,
    Json(input): Json<CheckoutCreate>,
) -> Result<CheckoutReply, Fault> {
    start_checkout(&app, &caller, &token, input).await
}

async fn checkout_get(
    State(app): State<Orders>,
    caller: Caller<CheckoutsWrite>,
    token: CartToken,
    Path(id): Path<CheckoutId>,
) -> Result<Reply<Checkout>, Fault> {
    read_checkout(&app, &caller, &token, id).await
}

async fn checkout_cancel(
    State(app): State<Orders>,
    caller: Caller<CheckoutsWrite>,
    token: CartToken,
    Path(id): Path<CheckoutId>,
) -> Result<Reply<Checkout, 202>, Fault> {
    cancel_checkout(&app, &caller, &token, id).await
}

impl IntoResponse for CheckoutReply {
    fn into_response(self) -> Response {
        match self {
            Self::Placed(reply) => reply.into_response(),
            Self::Open(reply) => reply.into_response(),
        }
    }
}

impl OperationOutput for CheckoutReply {
    type Inner = Checkout;

    fn operation_response(ctx: &mut GenContext, operation: &mut Operation) -> Option<ResponseDoc> {
        <Reply<Checkout, 201> as OperationOutput>::operation_response(ctx, operation)
    }

    fn inferred_responses(ctx: &mut GenContext, operation: &mut Operation) -> Vec<(Option<u16>, ResponseDoc)> {
        let mut responses = <Reply<Checkout, 201> as OperationOutput>::inferred_responses(ctx, operation);
        responses.extend(<Reply<Checkout, 202> as OperationOutput>::inferred_responses(ctx, operation));
        responses
    }
}
