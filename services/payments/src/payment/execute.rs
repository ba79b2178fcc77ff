//! Has the provider carry out an operation: reserve, commit, ask, settle.

use bloom_fault::Fault;
use bloom_runtime::{Call, TenantTx, idempotency};

use super::model::Payment;
use super::publish::publish_payment;
use super::schedule::resolve_at;
use super::settle::{settle, settle_plain};
use super::settlement::Outcome;
use super::store::payment_reserve;
use crate::Payments;
use crate::connection::{OpenConnection, refresh_registration};
use crate::operation::{Failure, FailureCode, Operation, OperationKind};
use crate::provider::{ProviderReply, ProviderRequest};

/// An operation and its payment after a request.
pub(crate) struct OperationResult {
    pub payment: Payment,
    pub operation: Operation,
    /// The operation was asked for before.
    pub replayed: bool,
}

impl OperationResult {
    /// The result of the first request.
    pub(super) fn first(payment: Payment, operation: Operation) -> Self {
        Self { payment, operation, replayed: false }
    }

    /// The result of a retry: the current state, unless the id was used for another request.
    pub(super) fn replay(payment: Payment, known: Operation, fingerprint: &[u8]) -> Result<Self, Fault> {
        if known.fingerprint == fingerprint {
            Ok(Self { payment, operation: known, replayed: true })
        } else {
            Err(idempotency::reused())
        }
    }
}

/// Stores the reservation, commits, and has the provider carry the operation out.
pub(super) async fn reserve_and_execute(
    app: &Payments,
    call: &Call,
    mut tx: TenantTx,
    connection: &OpenConnection,
    payment: Payment,
    operation: Operation,
) -> Result<OperationResult, Fault> {
    if !payment_reserve(&mut tx, call.tenant, &payment, &operation).await? {
        return Err(idempotency::reused());
    }
    publish_payment(&mut tx, &app.host, call, &payment).await?;
    resolve_at(&mut tx, operation.id, 0, operation.updated_at).await?;
    tx.commit().await?;
    let reference = payment.provider_reference.clone();
    let request = request(&payment, &operation, reference.as_deref());
    execute(app, call, connection, request, payment, operation).await
}

/// The request of a capture, a void or a refund.
pub(super) fn request<'a>(payment: &Payment, operation: &Operation, authorisation: Option<&'a str>) -> ProviderRequest<'a> {
    ProviderRequest {
        operation: operation.id,
        kind: operation.kind,
        amount: operation.amount,
        currency: payment.currency,
        token: None,
        authorisation,
        return_url: None,
    }
}

/// Sends an operation that was just recorded and settles the reply.
pub(super) async fn execute(
    app: &Payments,
    call: &Call,
    connection: &OpenConnection,
    request: ProviderRequest<'_>,
    payment: Payment,
    operation: Operation,
) -> Result<OperationResult, Fault> {
    refresh_registration(app, call, connection).await;
    let id = operation.id;
    let outcome = match app.providers.send(connection.account(), request).await {
        ProviderReply::Report(report) => Outcome::Report(report),
        ProviderReply::Refused(failure) => Outcome::Lost(failure),
        // The payer waits: nothing was sent, so nothing can come of it, and a new attempt should begin now.
        ProviderReply::NotSent(_) if request.kind == OperationKind::Authorise => Outcome::Lost(unreachable_provider()),
        ProviderReply::NotSent(_) | ProviderReply::Unknown(_) | ProviderReply::NotFound => Outcome::Unknown,
    };
    // As a rule the payment has not changed since; the statement that stores the outcome checks it.
    if let Some((payment, operation)) = settle_plain(app, call, payment, operation, outcome.clone()).await? {
        return Ok(OperationResult::first(payment, operation));
    }
    let applied = settle(app, call, id, outcome).await?;
    Ok(OperationResult::first(applied.payment, applied.operation))
}

/// Why an authorisation failed that never reached its provider.
pub(super) fn unreachable_provider() -> Failure {
    Failure::new(FailureCode::ProviderError, "The payment provider could not be reached; nothing was authorised.")
}
