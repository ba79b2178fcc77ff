//! Carries out an operation at the provider: record and commit it, send it, settle the reply.

use std::sync::Arc;

use bloom_db::{TenantTx, idempotency};
use bloom_events::Publish as _;
use bloom_fault::Fault;
use bloom_runtime::RequestContext;

use super::body::PaymentBody;
use super::model::Payment;
use super::schedule::resolve_at;
use super::settle::{settle, settle_plain};
use super::settlement::Outcome;
use super::store::payment_reserve;
use crate::Payments;
use crate::connection::{ConnectionSelector, OpenConnection, refresh_registration};
use crate::operation::{Failure, FailureCode, Operation, OperationKind};
use crate::provider::{ProviderReply, ProviderRequest};

/// An operation and its payment after a request.
pub(crate) struct OperationResult {
    pub payment: Payment,
    pub operation: Operation,
    /// The operation exists already.
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

/// The work that a request's transaction leaves for the time after its commit.
pub(super) enum Recorded {
    /// Nothing.
    Done(OperationResult),
    /// The request to the provider.
    Send(Arc<OpenConnection>, Payment, Operation),
}

impl Recorded {
    /// Sends the request to the provider if there is one.
    pub(super) async fn execute(self, app: &Payments, context: &RequestContext) -> Result<OperationResult, Fault> {
        match self {
            Self::Done(result) => Ok(result),
            Self::Send(connection, payment, operation) => {
                let reference = payment.provider_reference.clone();
                let request = request(&payment, &operation, reference.as_deref());
                execute(app, context, &connection, request, payment, operation).await
            }
        }
    }
}

/// The connection of a payment; refused while its provider is unavailable.
pub(super) async fn available_connection(
    app: &Payments,
    tx: &mut TenantTx,
    payment: &Payment,
) -> Result<Arc<OpenConnection>, Fault> {
    let (tenant, selector) = (tx.tenant(), ConnectionSelector::Id(payment.connection_id));
    let connection = app.connections.get(tx, tenant, selector).await?;
    app.providers.check_available(connection.id)?;
    Ok(connection)
}

/// Records the reservation of an operation that is sent after the commit.
pub(super) async fn record(
    tx: &mut TenantTx,
    connection: Arc<OpenConnection>,
    payment: Payment,
    operation: Operation,
) -> Result<Recorded, Fault> {
    if !payment_reserve(tx, &payment, &operation).await? {
        return Err(idempotency::reused());
    }
    tx.publish(&PaymentBody::from(&payment));
    resolve_at(tx, operation.id, 0, operation.updated_at);
    Ok(Recorded::Send(connection, payment, operation))
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
    context: &RequestContext,
    connection: &OpenConnection,
    request: ProviderRequest<'_>,
    payment: Payment,
    operation: Operation,
) -> Result<OperationResult, Fault> {
    refresh_registration(app, context, connection).await;
    let id = operation.id;
    let outcome = match app.providers.send(connection.account(), request).await {
        ProviderReply::Report(report) => Outcome::Report(report),
        ProviderReply::Refused(failure) => Outcome::Lost(failure),
        // The payer waits. Nothing was sent, so the attempt ends at once and the payer can try again.
        ProviderReply::NotSent(_) if request.kind == OperationKind::Authorise => Outcome::Lost(unreachable_provider()),
        ProviderReply::NotSent(_) | ProviderReply::Unknown(_) | ProviderReply::NotFound => Outcome::Unknown,
    };
    // The payment has normally not changed since; the statement that stores the outcome checks this.
    if let Some((payment, operation)) = settle_plain(app, context, payment, operation, outcome.clone()).await? {
        return Ok(OperationResult::first(payment, operation));
    }
    let applied = settle(app, context, id, outcome).await?;
    Ok(OperationResult::first(applied.payment, applied.operation))
}

/// The failure of an authorisation that never reached its provider.
pub(super) fn unreachable_provider() -> Failure {
    Failure::new(FailureCode::ProviderError, "The payment provider could not be reached; nothing was authorised.")
}
