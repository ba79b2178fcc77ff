//! `/v1/checkouts/{checkout_id}`: get and cancel; the purchase itself is `POST /v1/checkouts` of the saga.

use axum::extract::State;
use bloom_fault::Fault;
use bloom_kernel::CheckoutId;
use bloom_web::{Caller, CartToken, Doc, Path, Reply, Routes};

use super::cancel;
use super::model::{Checkout, CheckoutStatus};
use super::store::checkout_of_caller;
use crate::order::read_order;
use crate::{CheckoutsWrite, Orders};

pub(crate) fn routes() -> Routes<Orders> {
    Routes::new("/v1/checkouts/{checkout_id}").get("checkout_get", "Get a checkout", get).at("/cancel").post(
        "checkout_cancel",
        Doc::new("Cancel a checkout that waits for its payment").describe(CANCEL),
        cancel::cancel,
    )
}

const CANCEL: &str = "Its units are released, its payment is voided and its cart is open again, a moment later: the checkout is \
    `compensating` until it is `failed`. The reply to a checkout that has failed is the checkout. A placed order is canceled by \
    `POST /v1/orders/{order_id}/cancel`.";

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
