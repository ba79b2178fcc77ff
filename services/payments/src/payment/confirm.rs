//! `POST /v1/payments/{payment_id}/confirmations`: the merchant reports the outcome of a manual payment.

use axum::extract::State;
use bloom_fault::{Code, Fault};
use bloom_kernel::PaymentId;
use bloom_runtime::http::{Caller, Json, Path};
use bloom_runtime::{Begin, Reply};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::dto::PaymentDto;
use super::settle::apply;
use super::settlement::Outcome;
use super::store::payment_get;
use crate::Payments;
use crate::access::{PaymentsWrite, require_secret_key};
use crate::error::check_text;
use crate::operation::{Failure, FailureCode, OperationStatus, operation_authorise};
use crate::provider::{ProviderKind, ProviderReport, ProviderState};

/// The outcome of a manual payment.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Confirmation")]
pub(super) struct ConfirmationCreate {
    /// How it ended.
    outcome: ConfirmationOutcome,
    /// The merchant's own reference, for example of a bank transfer.
    #[schemars(length(min = 1, max = 255))]
    reference: Option<String>,
    /// Why it failed, for people.
    #[schemars(length(min = 1, max = 500))]
    message: Option<String>,
}

/// How a manual authorisation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "Outcome")]
enum ConfirmationOutcome {
    /// The payer has paid or will pay.
    Authorised,
    /// The payer has not paid, and will not.
    Failed,
}

pub(super) async fn create(
    State(app): State<Payments>,
    caller: Caller<PaymentsWrite>,
    Path(id): Path<PaymentId>,
    Json(input): Json<ConfirmationCreate>,
) -> Result<Reply<PaymentDto>, Fault> {
    caller.require_idempotency_key()?;
    require_secret_key(&caller)?;
    for (pointer, text, max) in [("/reference", &input.reference, 255), ("/message", &input.message, 500)] {
        if let Some(text) = text {
            check_text(pointer, text, max)?;
        }
    }
    let mut tx = match app.db.begin(&caller, "payment_confirm", &(id, &input)).await? {
        Begin::Run(tx) => tx,
        Begin::Replay(reply) => return Ok(reply),
    };
    let payment = payment_get(&mut tx, id).await?.ok_or_else(|| Fault::not_found("payment"))?;
    if payment.provider != ProviderKind::Manual {
        return Err(Fault::new(
            Code::Conflict,
            "payment_not_manual",
            "The provider of this payment reports its outcome itself; only manual payments are confirmed.",
        ));
    }
    let authorise =
        operation_authorise(&mut tx, id).await?.ok_or_else(|| Fault::internal("a payment without its authorisation"))?;
    let (state, wanted) = match input.outcome {
        ConfirmationOutcome::Authorised => (ProviderState::Succeeded, OperationStatus::Succeeded),
        ConfirmationOutcome::Failed => {
            let message = input.message.unwrap_or_else(|| "The merchant says that it failed.".to_owned());
            (ProviderState::Failed(Failure::new(FailureCode::CardDeclined, message)), OperationStatus::Failed)
        }
    };
    if !authorise.status.is_open() && authorise.status != wanted {
        return Err(settled());
    }
    let report = ProviderReport {
        reference: input.reference.unwrap_or_else(|| format!("manual_{}", authorise.id)),
        sequence: authorise.provider_sequence + 1,
        state,
    };
    let applied = apply(&app, &caller, &mut tx, authorise.id, Outcome::Report(report)).await?;
    if applied.operation.status != wanted {
        return Err(settled());
    }
    let reply = Reply::ok(PaymentDto::from(&applied.payment)).etag(applied.payment.version);
    tx.finish(reply).await
}

fn settled() -> Fault {
    Fault::new(Code::Conflict, "payment_settled", "The authorisation of this payment is settled already.")
}
