//! Queries the provider about an operation whose outcome is open. A request is sent again only after the provider has answered that
//! it does not know the operation, and only under the same id.

use bloom_fault::Fault;
use bloom_kernel::OperationId;
use bloom_runtime::RequestContext;

use super::execute::{request, unreachable_provider};
use super::model::Payment;
use super::schedule::{LOST_AFTER, ResolveAttempt, resolve_at};
use super::settle::{apply, is_queried};
use super::settlement::Outcome;
use super::store::payment_get;
use crate::Payments;
use crate::connection::{ConnectionSelector, refresh_registration};
use crate::operation::{Operation, OperationKind, operation_get};
use crate::provider::ProviderReply;

/// The timer of an open operation: queries the provider, and schedules the next query while the outcome stays open.
pub(crate) async fn resolve(
    app: &Payments,
    context: &RequestContext,
    id: OperationId,
    ResolveAttempt { attempt }: ResolveAttempt,
) -> Result<(), Fault> {
    let Some(outcome) = query(app, context, id).await? else { return Ok(()) };
    app.db
        .transaction(context, async |tx| {
            let applied = apply(tx, id, outcome).await?;
            let now = tx.now();
            if is_queried(&applied.payment, &applied.operation) && !resolve_at(tx, id, attempt + 1, now) {
                tracing::error!(operation = %id, "no outcome after the last query; an operator has to look");
            }
            Ok(())
        })
        .await
}

/// The provider's answer about an operation; none when its outcome is already known.
pub(super) async fn query(app: &Payments, context: &RequestContext, id: OperationId) -> Result<Option<Outcome>, Fault> {
    let mut conn = app.db.read(context.tenant).await?;
    let Some(operation) = operation_get(&mut conn, id).await?.filter(|known| known.status.is_open()) else { return Ok(None) };
    let payment =
        payment_get(&mut conn, operation.payment_id).await?.ok_or_else(|| Fault::internal("an operation without its payment"))?;
    if payment.waiting_void == Some(id) {
        return Ok(None);
    }
    let selector = ConnectionSelector::Id(payment.connection_id);
    let connection = app.connections.get(&mut conn, context.tenant, selector).await?;
    drop(conn);
    app.providers.check_available(connection.id)?;
    refresh_registration(app, context, &connection).await;
    let mut reply = app.providers.query(connection.account(), operation.kind, id).await;
    if reply == ProviderReply::NotFound && operation.kind != OperationKind::Authorise {
        let request = request(&payment, &operation, payment.provider_reference.as_deref());
        reply = app.providers.send(connection.account(), request).await;
    }
    Ok(Some(outcome(app, context, &payment, &operation, reply)))
}

fn outcome(app: &Payments, context: &RequestContext, payment: &Payment, operation: &Operation, reply: ProviderReply) -> Outcome {
    match reply {
        ProviderReply::Report(report) => Outcome::Report(report),
        ProviderReply::Refused(failure) => Outcome::Lost(failure),
        // The payer's token is not stored, so a lost authorisation cannot be sent again.
        ProviderReply::NotFound if LOST_AFTER <= app.context.now(context.tenant) - payment.created_at => {
            tracing::warn!(operation = %operation.id, "the authorisation never reached the provider");
            Outcome::Lost(unreachable_provider())
        }
        ProviderReply::NotFound | ProviderReply::NotSent(_) | ProviderReply::Unknown(_) => Outcome::Unknown,
    }
}
