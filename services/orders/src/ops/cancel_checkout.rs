//! Gives a purchase up that waits for its payer or its provider: the buyer came back from the issuer's page without paying.

use bloom_events::schedule;
use bloom_fault::{Code, Fault};
use bloom_kernel::CheckoutId;
use bloom_runtime::http::CartToken;
use bloom_runtime::{Begin, Call, Reply};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::read_checkout::opened;
use crate::Orders;
use crate::domain::checkout::{Checkout, CheckoutStatus, Failure};
use crate::saga::TIMER;
use crate::store::checkout::checkout_compensate;

/// What began, for a repeat of the request.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Receipt {
    checkout_id: CheckoutId,
}

/// Decides that a checkout fails; its timer undoes it at once: alone, so that nothing is done anew behind its back. One that
/// has failed, or is being undone, is answered as it stands.
pub async fn cancel_checkout(
    app: &Orders,
    call: &Call,
    token: &CartToken,
    id: CheckoutId,
) -> Result<Reply<Checkout, 202>, Fault> {
    let mut tx = match app.db.begin::<Receipt, 202>(call, "checkout_cancel", &id).await? {
        Begin::Run(tx) => tx,
        Begin::Replay(_) => {
            let stored = opened(&mut *app.db.read(call.tenant).await?, call, token, id).await?;
            return Ok(Reply::accepted(stored.public()).repeated());
        }
    };
    let mut checkout = opened(&mut tx, call, token, id).await?;
    match checkout.status {
        CheckoutStatus::PaymentPending | CheckoutStatus::ActionRequired => {}
        CheckoutStatus::Compensating | CheckoutStatus::Failed => return Ok(Reply::accepted(checkout.public())),
        CheckoutStatus::Processing => {
            let detail =
                "The purchase is being worked on; within half a minute it is placed, has failed, or waits for its payment.";
            return Err(Fault::new(Code::Conflict, "checkout_in_progress", detail).retry_after(1));
        }
        CheckoutStatus::Completed => return Err(placed()),
    }
    let failure = Failure::of(&Fault::new(
        Code::Conflict,
        "checkout_canceled",
        "The purchase was given up. Nothing was charged; the cart can be bought again.",
    ));
    let now = app.host.now(call.tenant);
    // Its payment was approved between the look and now.
    if checkout_compensate(&mut tx, id, &failure, now).await?.is_none() {
        return Err(placed());
    }
    schedule(&mut tx, TIMER, &id.to_string(), now, &()).await?;
    tx.finish(Reply::accepted(Receipt { checkout_id: id })).await?;
    (checkout.status, checkout.failure, checkout.updated_at) = (CheckoutStatus::Compensating, Some(failure), now);
    Ok(Reply::accepted(checkout.public()))
}

fn placed() -> Fault {
    Fault::new(Code::Conflict, "checkout_completed", "The order of this checkout is placed. Cancel the order instead.")
}
