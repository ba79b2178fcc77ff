//! Gives a purchase up that waits for its payer or its provider: the buyer came back from the issuer's page without paying.

use bloom_contract_cart::CartToken;
use bloom_db::Begin;
use bloom_events::schedule;
use bloom_fault::{Code, Fault};
use bloom_kernel::CheckoutId;
use bloom_runtime::RequestContext;
use bloom_web::Reply;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::read_checkout::opened;
use crate::Orders;
use crate::domain::checkout::{Checkout, CheckoutStatus, Failure};
use crate::saga::TIMER;
use crate::store::checkout::{Stored, checkout_compensate};

/// What began, for a repeat of the request.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Receipt {
    checkout_id: CheckoutId,
}

/// Decides that a checkout fails; its timer undoes it at once: alone, so that nothing is done anew behind its back. One that
/// has failed, or is being undone, is answered as it stands.
pub async fn cancel_checkout(
    app: &Orders,
    call: &RequestContext,
    token: &CartToken,
    id: CheckoutId,
) -> Result<Reply<Checkout, 202>, Fault> {
    let mut tx = match app.db.begin::<bloom_web::Reply<Receipt, 202>>(call, "checkout_cancel", &id).await? {
        Begin::Run(tx) => tx,
        Begin::Replay(_) => {
            let stored = opened(&mut *app.db.read(call.tenant).await?, call, token, id).await?;
            return Ok(Reply::accepted(stored.public()).repeated());
        }
    };
    let mut checkout = opened(&mut tx, call, token, id).await?;
    let failure = Failure::of(&Fault::new(
        Code::Conflict,
        "checkout_canceled",
        "The purchase was given up. Nothing was charged; the cart can be bought again.",
    ));
    let now = app.host.now(call.tenant);
    let waits = matches!(checkout.status, CheckoutStatus::PaymentPending | CheckoutStatus::ActionRequired);
    if !waits || checkout_compensate(&mut tx, id, &failure, now).await?.is_none() {
        // Whoever was quicker may have decided either way since the first look.
        let stands = opened(&mut tx, call, token, id).await?;
        // Ended here and not by being dropped: until then it holds the lock of its idempotency key.
        tx.rollback().await?;
        return as_it_stands(&stands);
    }
    schedule(&mut tx, TIMER, &id.to_string(), now, &()).await?;
    tx.finish(Reply::accepted(Receipt { checkout_id: id })).await?;
    (checkout.status, checkout.failure, checkout.updated_at) = (CheckoutStatus::Compensating, Some(failure), now);
    Ok(Reply::accepted(checkout.public()))
}

/// The answer for a checkout that this request has not changed.
fn as_it_stands(checkout: &Stored) -> Result<Reply<Checkout, 202>, Fault> {
    match checkout.status {
        CheckoutStatus::Compensating | CheckoutStatus::Failed => Ok(Reply::accepted(checkout.public())),
        CheckoutStatus::Completed => {
            let detail = "The order of this checkout is placed. Cancel the order instead.";
            Err(Fault::new(Code::Conflict, "checkout_completed", detail))
        }
        CheckoutStatus::Processing | CheckoutStatus::PaymentPending | CheckoutStatus::ActionRequired => {
            let detail =
                "The purchase is being worked on; within half a minute it is placed, has failed, or waits for its payment.";
            Err(Fault::new(Code::Conflict, "checkout_in_progress", detail).retry_after(1))
        }
    }
}
