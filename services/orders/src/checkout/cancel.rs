//! `POST /v1/checkouts/{checkout_id}/cancel`: cancels a checkout that waits for its payer or its provider.

use axum::extract::State;
use bloom_contract_cart::CartToken;
use bloom_db::Answer;
use bloom_events::Publish as _;
use bloom_fault::{Code, Fault};
use bloom_kernel::CheckoutId;
use bloom_web::{Accepted, Caller, Path, Reply};
use serde::{Deserialize, Serialize};

use super::model::{Checkout, CheckoutStatus};
use super::store::{CheckoutRecord, checkout_of_caller};
use super::transition::{TIMER, compensate};
use crate::failure::Failure;
use crate::{CheckoutsWrite, Orders};

/// What was begun, for a repeat of the request.
#[derive(Serialize, Deserialize)]
struct Receipt {
    checkout_id: CheckoutId,
}

/// Decides that the checkout fails. From then on only its timer drives it, and undoes it at once. A checkout that has failed or is
/// being undone is returned unchanged.
pub async fn cancel(
    State(app): State<Orders>,
    caller: Caller<CheckoutsWrite>,
    token: CartToken,
    Path(id): Path<CheckoutId>,
) -> Result<Accepted<Checkout>, Fault> {
    let mut seen = None;
    let canceled: Result<Answer<Receipt>, Fault> = app
        .db
        .idempotent(caller.operation("checkout_cancel", &id), async |tx| {
            let mut checkout = checkout_of_caller(tx, &caller, &token, id).await?;
            let waits = matches!(checkout.status, CheckoutStatus::PaymentPending | CheckoutStatus::ActionRequired);
            if !waits || !compensate(tx, &mut checkout, canceled_by_buyer()).await? {
                // Another request may have decided since the first read.
                let unchanged = checkout_of_caller(tx, &caller, &token, id).await?;
                let refusal = refusal(&unchanged);
                seen = Some(unchanged);
                return Err(refusal);
            }
            tx.schedule(TIMER, &id.to_string(), checkout.updated_at, &());
            seen = Some(checkout);
            Ok(Receipt { checkout_id: id })
        })
        .await;
    match (canceled, seen) {
        (Ok(Answer(Receipt { .. })), Some(checkout)) => Ok(Reply::accepted(checkout.public())),
        (Ok(Answer(Receipt { checkout_id })), None) => {
            let record = checkout_of_caller(&mut *app.db.read(caller.tenant).await?, &caller, &token, checkout_id).await?;
            Ok(Reply::accepted(record.public()).repeated())
        }
        (Err(_), Some(checkout)) if is_undone(&checkout) => Ok(Reply::accepted(checkout.public())),
        (Err(fault), _) => Err(fault),
    }
}

fn canceled_by_buyer() -> Failure {
    let detail = "The checkout was canceled. Nothing was charged; the cart can be bought again.";
    Failure::of(&Fault::new(Code::Conflict, "checkout_canceled", detail))
}

fn is_undone(checkout: &CheckoutRecord) -> bool {
    match checkout.status {
        CheckoutStatus::Compensating | CheckoutStatus::Failed => true,
        CheckoutStatus::Processing
        | CheckoutStatus::PaymentPending
        | CheckoutStatus::ActionRequired
        | CheckoutStatus::Completed => false,
    }
}

/// Why a checkout is not changed. A checkout that has failed or is being undone is still returned.
fn refusal(checkout: &CheckoutRecord) -> Fault {
    if checkout.status == CheckoutStatus::Completed {
        let detail = "The order of this checkout is placed. Cancel the order instead.";
        return Fault::new(Code::Conflict, "checkout_completed", detail);
    }
    let detail = "The checkout is being worked on; within half a minute it is completed, has failed, or waits for its payment.";
    Fault::new(Code::Conflict, "checkout_in_progress", detail).retry_after(1)
}
