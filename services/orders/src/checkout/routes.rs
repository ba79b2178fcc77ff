//! `/v1/checkouts/{checkout_id}`: get; the purchase itself is `POST /v1/checkouts` of the saga.

use aide::axum::ApiRouter;
use aide::axum::routing::{get_with, post_with};
use axum::extract::State;
use bloom_fault::Fault;
use bloom_kernel::CheckoutId;
use bloom_web::Reply;
use bloom_web::{Caller, CartToken, Path};

use super::cancel;
use super::model::{Checkout, CheckoutStatus};
use super::store::checkout_of_caller;
use crate::Orders;
use crate::order::read_order;
use crate::permissions::CheckoutsWrite;

pub(crate) fn routes() -> ApiRouter<Orders> {
    ApiRouter::new()
        .api_route(
            "/v1/checkouts/{checkout_id}",
            get_with(get, |op| op.id("checkout_get").tag("checkouts").summary("Get a checkout")),
        )
        .api_route(
            "/v1/checkouts/{checkout_id}/cancel",
            post_with(cancel::cancel, |op| {
                op.id("checkout_cancel").tag("checkouts").summary("Cancel a checkout that waits for its payment").description(
                    "Its units are released, its payment is voided and its cart is open again, a moment later: the checkout is \
                     `compensating` until it is `failed`. The reply to a checkout that has failed is the checkout. A placed order \
                     is canceled by `POST /v1/orders/{order_id}/cancel`.",
                )
            }),
        )
}

/// A checkout of the caller, with its order as it was placed.
async fn get(
    State(app): State<Orders>,
    caller: Caller<CheckoutsWrite>,
    token: CartToken,
    Path(id): Path<CheckoutId>,
) -> Result<Reply<Checkout>, Fault> {
    let record = checkout_of_caller(&mut *app.db.read(caller.tenant).await?, &caller, &token, id).await?;
    let mut checkout = record.public();
    if record.status == CheckoutStatus::Completed {
        checkout.order = Some(read_order(&app, &caller, record.order_id).await?.as_placed(record.confirmed));
    }
    Ok(Reply::ok(checkout))
}
