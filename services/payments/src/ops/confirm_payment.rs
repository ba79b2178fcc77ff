//! The merchant says what became of an authorisation that people handle.

use bloom_db::TenantTx;
use bloom_fault::{Code, Fault};
use bloom_kernel::PaymentId;
use bloom_runtime::RequestContext;

use super::settle_operation::apply;
use crate::Payments;
use crate::domain::{Failure, FailureCode, News, OperationStatus, Payment, ProviderKind, Report, State};
use crate::store::operation::operation_authorise;
use crate::store::payment::payment_get;

/// What the merchant says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The money is promised.
    Authorised,
    /// It is not, and will not be.
    Failed(String),
}

/// Settles the authorisation of a manual payment in the given transaction.
pub(crate) async fn confirm(
    app: &Payments,
    call: &RequestContext,
    tx: &mut TenantTx,
    payment: PaymentId,
    verdict: Verdict,
    reference: Option<String>,
) -> Result<Payment, Fault> {
    let known = payment_get(tx, payment).await?.ok_or_else(|| Fault::not_found("payment"))?;
    if known.provider != ProviderKind::Manual {
        return Err(Fault::new(
            Code::Conflict,
            "payment_not_manual",
            "The provider of this payment reports its outcome itself; only manual payments are confirmed.",
        ));
    }
    let authorise =
        operation_authorise(tx, payment).await?.ok_or_else(|| Fault::internal("a payment without its authorisation"))?;
    let state = match verdict {
        Verdict::Authorised => State::Succeeded,
        Verdict::Failed(message) => State::Failed(Failure::new(FailureCode::CardDeclined, message)),
    };
    let wanted = match state {
        State::Succeeded => OperationStatus::Success,
        State::Failed(_) | State::Pending { .. } => OperationStatus::Failed,
    };
    let report = Report {
        reference: reference.unwrap_or_else(|| format!("manual_{}", authorise.id)),
        sequence: authorise.provider_sequence + 1,
        state,
    };
    if !authorise.status.is_open() && authorise.status != wanted {
        return Err(Fault::new(Code::Conflict, "payment_settled", "The authorisation of this payment is settled already."));
    }
    let applied = apply(app, call, tx, authorise.id, News::Report(report)).await?;
    if applied.operation.status == wanted {
        return Ok(applied.payment);
    }
    Err(Fault::new(Code::Conflict, "payment_settled", "The authorisation of this payment is settled already."))
}
