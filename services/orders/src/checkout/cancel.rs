//! `POST /v1/checkouts/{checkout_id}/cancel`: cancels a checkout that waits for its payer or its provider.

use axum::extract::State;
use bloom_db::Begin;
use bloom_events::schedule;
use bloom_fault::{Code, Fault};
use bloom_kernel::CheckoutId;
use bloom_web::Reply;
use bloom_web::{Caller, CartToken, Path};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::model::{Checkout, CheckoutStatus};
use super::store::{CheckoutRecord, checkout_of_caller};
use super::transition::{TIMER, compensate};
use crate::Orders;
use crate::failure::Failure;
use crate::permissions::CheckoutsWrite;

/// What was begun, for a repeat of the request.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Receipt {
    checkout_id: CheckoutId,
}

/// Decides that the checkout fails; its timer undoes it at once, and is the only one to drive it. The reply to a checkout that has
/// failed or is being undone is the checkout as it is.
pub(super) async fn cancel(
    State(app): State<Orders>,
    caller: Caller<CheckoutsWrite>,
    token: CartToken,
    Path(id): Path<CheckoutId>,
) -> Result<Reply<Checkout, 202>, Fault> {
    let mut tx = match app.db.begin::<bloom_web::Reply<Receipt, 202>>(&caller, "checkout_cancel", &id).await? {
        Begin::Run(tx) => tx,
        Begin::Replay(_) => {
            let record = checkout_of_caller(&mut *app.db.read(caller.tenant).await?, &caller, &token, id).await?;
            return Ok(Reply::accepted(record.public()).repeated());
        }
    };
    let mut checkout = checkout_of_caller(&mut tx, &caller, &token, id).await?;
    let failure = Failure::of(&Fault::new(
        Code::Conflict,
        "checkout_canceled",
        "The checkout was canceled. Nothing was charged; the cart can be bought again.",
    ));
    let waits = matches!(checkout.status, CheckoutStatus::PaymentPending | CheckoutStatus::ActionRequired);
    if !waits || !compensate(&app, &caller, &mut tx, &mut checkout, failure).await? {
        // Another request may have decided since the first look.
        let current = checkout_of_caller(&mut tx, &caller, &token, id).await?;
        // Not merely dropped: until the transaction ends it holds the lock of its idempotency key.
        tx.rollback().await?;
        return unchanged(&current);
    }
    schedule(&mut tx, TIMER, &id.to_string(), checkout.updated_at, &()).await?;
    tx.finish(Reply::accepted(Receipt { checkout_id: id })).await?;
    Ok(Reply::accepted(checkout.public()))
}

/// The reply to a request that changes nothing.
fn unchanged(checkout: &CheckoutRecord) -> Result<Reply<Checkout, 202>, Fault> {
    match checkout.status {
        CheckoutStatus::Compensating | CheckoutStatus::Failed => Ok(Reply::accepted(checkout.public())),
        CheckoutStatus::Completed => {
            let detail = "The order of this checkout is placed. Cancel the order instead.";
            Err(Fault::new(Code::Conflict, "checkout_completed", detail))
        }
        CheckoutStatus::Processing | CheckoutStatus::PaymentPending | CheckoutStatus::ActionRequired => {
            let detail =
                "The checkout is being worked on; within half a minute it is completed, has failed, or waits for its payment.";
            Err(Fault::new(Code::Conflict, "checkout_in_progress", detail).retry_after(1))
        }
    }
}
