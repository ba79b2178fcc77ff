//! `POST /v1/payments/{payment_id}/confirmations`: the merchant reports the outcome of a manual payment.

use axum::extract::State;
use bloom_fault::{Code, Fault, refuse_card_number};
use bloom_kernel::{Form, PaymentId, text};
use bloom_web::{Body, Caller, Path, Reply};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::body::PaymentBody;
use super::settle::apply;
use super::settlement::Outcome;
use super::store::payment_get;
use crate::access::require_secret_key;
use crate::operation::{Failure, FailureCode, OperationStatus, operation_authorise};
use crate::provider::{ProviderKind, ProviderReport, ProviderState};
use crate::{Payments, PaymentsWrite};

text! {
    /// The merchant's own reference of a payment.
    struct Reference { length: 1..=255, form: Form::LINE, example: "NEFT 4711" }
}
text! {
    /// A sentence for people.
    struct FailureMessage { length: 1..=500, form: Form::LINE, example: "The transfer did not arrive." }
}

/// The outcome of a manual payment.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "PaymentConfirmationCreate")]
pub(super) struct ConfirmationCreate {
    /// How it ended.
    outcome: ConfirmationOutcome,
    /// The merchant's own reference, for example of a bank transfer.
    reference: Option<Reference>,
    /// Why it failed, for people.
    message: Option<FailureMessage>,
}

/// How a manual authorisation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "PaymentConfirmationOutcome")]
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
    Body(input): Body<ConfirmationCreate>,
) -> Result<Reply<PaymentBody>, Fault> {
    caller.require_idempotency_key()?;
    require_secret_key(&caller)?;
    let texts = [("/reference", input.reference.as_deref()), ("/message", input.message.as_deref())];
    texts.into_iter().try_for_each(|(pointer, text)| text.map_or(Ok(()), |text| refuse_card_number(pointer, text)))?;
    app.db
        .idempotent(caller.operation("payment_confirm", &(id, &input)), async |tx| {
            let payment = payment_get(tx, id).await?.ok_or_else(|| Fault::not_found("payment"))?;
            if payment.provider != ProviderKind::Manual {
                return Err(not_manual());
            }
            let authorise = operation_authorise(tx, id).await?;
            let authorise = authorise.ok_or_else(|| Fault::internal("a payment without its authorisation"))?;
            let (state, wanted) = input.state();
            if !authorise.status.is_open() && authorise.status != wanted {
                return Err(settled());
            }
            let report = ProviderReport {
                reference: input.reference.map_or_else(|| format!("manual_{}", authorise.id), String::from),
                sequence: authorise.provider_sequence + 1,
                state,
            };
            let applied = apply(tx, authorise.id, Outcome::Report(report)).await?;
            if applied.operation.status == wanted { Ok(PaymentBody::from(&applied.payment)) } else { Err(settled()) }
        })
        .await
}

impl ConfirmationCreate {
    /// The state that the merchant reports, and the status of the authorisation that follows.
    fn state(&self) -> (ProviderState, OperationStatus) {
        match self.outcome {
            ConfirmationOutcome::Authorised => (ProviderState::Succeeded, OperationStatus::Succeeded),
            ConfirmationOutcome::Failed => {
                let message = self.message.as_deref().unwrap_or("The merchant says that it failed.");
                (ProviderState::Failed(Failure::new(FailureCode::CardDeclined, message)), OperationStatus::Failed)
            }
        }
    }
}

fn not_manual() -> Fault {
    Fault::new(
        Code::Conflict,
        "payment_not_manual",
        "The provider of this payment reports its outcome itself; only manual payments are confirmed.",
    )
}

fn settled() -> Fault {
    Fault::new(Code::Conflict, "payment_settled", "The authorisation of this payment is settled already.")
}
