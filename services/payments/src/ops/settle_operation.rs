//! Writes down what became of an operation. The provider's reply, its notices, the payer's return and the answer to a
//! question all end here, in any order and any number of times.

use bloom_db::TenantTx;
use bloom_db::WriteOnce;
use bloom_fault::Fault;
use bloom_kernel::{JournalId, OperationId};
use bloom_runtime::RequestContext;

use super::void_payment;
use crate::Payments;
use crate::connections::Connection;
use crate::domain::operation::derived_id;
use crate::domain::settle::Change;
use crate::domain::{News, Operation, OperationKind, OperationStatus, Payment, ProviderKind, Refusal, Settled, settle as decide};
use crate::provider::{Answer, Request};
use crate::store::operation::{NewJournal, operation_get, operation_insert, operation_settle};
use crate::store::payment::{payment_lock_of, payment_promise};
use crate::{events, timers};

/// What stands after news were applied.
pub(crate) struct Applied {
    pub(crate) payment: Payment,
    pub(crate) operation: Operation,
    /// Why genuine news could not be applied.
    pub(crate) refusal: Option<Refusal>,
}

/// Has the provider do what was recorded a moment ago, and settles its answer.
pub(crate) async fn carry_out(
    app: &Payments,
    call: &RequestContext,
    connection: &Connection,
    request: Request<'_>,
    (payment, operation): (Payment, Operation),
) -> Result<(Payment, Operation), Fault> {
    let news = match app.providers.send(connection, request).await {
        Answer::Report(report) => News::Report(report),
        Answer::Refused(failure) => News::Lost(failure),
        // The payer waits: nothing was sent, so nothing can come of it, and another attempt is better begun now.
        Answer::NotSent(_) if request.kind == OperationKind::Authorise => News::Lost(unreachable_provider()),
        Answer::NotSent(_) | Answer::Unknown(_) | Answer::Missing => News::Unknown,
    };
    // Nobody else has changed the payment since, as a rule; the statement that books the answer makes sure of that.
    let (now, seen) = (app.host.now(call.tenant), payment.version);
    if let Settled::Changed(change) = decide(payment, operation, news.clone(), now)
        && change.is_plain()
        && book(app, call, app.db.write_once(call), seen, &change, (change.operation.id, None)).await?
    {
        return Ok((change.payment, change.operation));
    }
    settle(app, call, request.operation, news).await.map(|applied| (applied.payment, applied.operation))
}

/// Why an authorisation failed that never reached its provider.
pub(super) fn unreachable_provider() -> crate::domain::Failure {
    crate::domain::Failure::new(
        crate::domain::FailureCode::ProviderError,
        "The payment provider could not be reached; nothing was authorised.",
    )
}

/// Applies news in a transaction of their own.
pub(crate) async fn settle(app: &Payments, call: &RequestContext, id: OperationId, news: News) -> Result<Applied, Fault> {
    let mut tx = app.db.write(call).await?;
    let applied = apply(app, call, &mut tx, id, news).await?;
    tx.commit().await?;
    Ok(applied)
}

/// Applies news in the given transaction, under the payment's row lock.
pub(crate) async fn apply(
    app: &Payments,
    call: &RequestContext,
    tx: &mut TenantTx,
    id: OperationId,
    news: News,
) -> Result<Applied, Fault> {
    let payment = payment_lock_of(tx, id).await?.ok_or_else(|| Fault::not_found("operation"))?;
    // Read after the lock was taken: a statement that waited for it would still see the operation as it was before.
    let operation = operation_get(tx, id).await?.ok_or_else(|| Fault::not_found("operation"))?;
    match decide(payment.clone(), operation.clone(), news, app.host.now(call.tenant)) {
        Settled::Unchanged => Ok(Applied { payment, operation, refusal: None }),
        Settled::Refused(refusal) => {
            tracing::error!(operation = %id, payment = %payment.id, %refusal, "the provider reports what cannot be booked");
            Ok(Applied { payment, operation, refusal: Some(refusal) })
        }
        Settled::Changed(change) => write(app, call, tx, *change).await,
    }
}

async fn write(app: &Payments, call: &RequestContext, tx: &mut TenantTx, mut change: Change) -> Result<Applied, Fault> {
    let mut seen = change.payment.version - 1;
    let mut booked = (change.operation.id, None);
    if change.posting.as_ref().is_some_and(|posting| posting.reversal) {
        let reversal = reversal_of(&change.operation, call);
        operation_insert(tx, call.tenant, &reversal).await?;
        booked = (reversal.id, Some(change.operation.id));
    }
    if change.unwanted && !change.payment.is_voiding() {
        let (payment, operation) = (&mut change.payment, &change.operation);
        let id = derived_id("void of an unwanted authorisation", &[operation.id.uuid().as_bytes()]);
        let fingerprint = void_payment::fingerprint(payment.id);
        let void = void_payment::waiting(id, payment, &call.actor, fingerprint, operation.updated_at);
        payment.waiting_void = Some(id);
        payment_promise(tx, call.tenant, payment, &void).await?;
        seen = payment.version;
    }
    if !book(app, call, tx.step(), seen, &change, booked).await? {
        return Err(Fault::internal("a payment changed under its lock"));
    }
    Ok(Applied { payment: change.payment, operation: change.operation, refusal: None })
}

/// Writes what follows from news, and the journal of the operation `booked`, which may take another one back. False when the
/// payment is not of the version `seen` any more.
async fn book(
    app: &Payments,
    call: &RequestContext,
    mut write: WriteOnce<'_>,
    seen: i64,
    change: &Change,
    booked: (OperationId, Option<OperationId>),
) -> Result<bool, Fault> {
    let Change { payment, operation, posting, .. } = change;
    let journal = posting.as_ref().map(|posting| NewJournal {
        id: app.host.id::<JournalId>(call.tenant),
        operation: booked.0,
        reverses: booked.1,
        posting,
        actor: &operation.actor,
    });
    events::payment_updated(&mut write, &app.host, call, payment).await?;
    if !is_asked_about(payment, operation) {
        timers::resolve_cancel(&mut write, operation.id).await?;
    }
    if payment.waiting_void.is_some() && !payment.is_busy() {
        timers::void_now(&mut write, payment.id, operation.updated_at).await?;
    }
    Ok(operation_settle(write, seen, payment, operation, journal.as_ref()).await?)
}

/// Whether the provider is to be asked how it stands. People are not asked: they say so when they know.
pub(super) fn is_asked_about(payment: &Payment, operation: &Operation) -> bool {
    operation.status.is_open() && payment.provider != ProviderKind::Manual
}

/// The operation that takes another one back. Its id follows from the other's: it can happen once.
fn reversal_of(operation: &Operation, call: &RequestContext) -> Operation {
    Operation {
        id: derived_id("reversal", &[operation.id.uuid().as_bytes()]),
        status: OperationStatus::Success,
        reverses: Some(operation.id),
        failure: None,
        actor: call.actor.clone(),
        created_at: operation.updated_at,
        ..operation.clone()
    }
}
