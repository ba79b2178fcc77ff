//! Stores the outcome of an operation. Outcomes arrive as the provider's reply, as notices, after the payer's return and as answers
//! to queries, in any order and any number of times.

use bloom_db::{TenantTx, WriteOnce};
use bloom_events::Publish as _;
use bloom_fault::Fault;
use bloom_kernel::{JournalId, OperationId};
use bloom_runtime::RequestContext;

use super::body::PaymentBody;
use super::model::Payment;
use super::refusal::Refusal;
use super::schedule::{RESOLVE, VOID};
use super::settlement::{Change, Outcome, Settlement, settle as decide};
use super::store::{JournalCreate, payment_lock_by_operation, payment_reserve, payment_settle};
use crate::Payments;
use crate::operation::{Operation, derived_id, operation_get, operation_insert};
use crate::provider::ProviderKind;

/// The state after an outcome was applied.
pub(crate) struct Applied {
    pub payment: Payment,
    pub operation: Operation,
    /// Why a genuine report could not be applied.
    pub refusal: Option<Refusal>,
}

/// Applies an outcome in a transaction of its own.
pub(super) async fn settle(
    app: &Payments,
    context: &RequestContext,
    id: OperationId,
    outcome: Outcome,
) -> Result<Applied, Fault> {
    app.db.transaction(context, async |tx| apply(tx, id, outcome).await).await
}

/// Applies an outcome in one statement, without a lock, to a payment that was just stored. `None` when it changes more than
/// that payment and operation, or when the payment has changed since.
pub(super) async fn settle_plain(
    app: &Payments,
    context: &RequestContext,
    payment: Payment,
    operation: Operation,
    outcome: Outcome,
) -> Result<Option<(Payment, Operation)>, Fault> {
    let (now, expected_version) = (app.context.now(context.tenant), payment.version);
    if let Settlement::Changed(change) = decide(payment, operation, outcome, now)
        && change.is_plain()
    {
        let journal: JournalId = app.context.id(context.tenant);
        let booked = (change.operation.id, None);
        if save(app.db.write_once(context), expected_version, &change, journal, booked).await? {
            return Ok(Some((change.payment, change.operation)));
        }
    }
    Ok(None)
}

/// Applies an outcome in the given transaction, under the payment's row lock.
pub(crate) async fn apply(tx: &mut TenantTx, id: OperationId, outcome: Outcome) -> Result<Applied, Fault> {
    let payment = payment_lock_by_operation(tx, id).await?.ok_or_else(|| Fault::not_found("operation"))?;
    // Read after the lock was taken: a statement that waited for it would still see the operation as it was before.
    let operation = operation_get(tx, id).await?.ok_or_else(|| Fault::not_found("operation"))?;
    match decide(payment.clone(), operation.clone(), outcome, tx.now()) {
        Settlement::Unchanged => Ok(Applied { payment, operation, refusal: None }),
        Settlement::Refused(refusal) => {
            tracing::error!(operation = %id, payment = %payment.id, %refusal, "the provider reports what cannot be booked");
            Ok(Applied { payment, operation, refusal: Some(refusal) })
        }
        Settlement::Changed(change) => save_locked(tx, *change).await,
    }
}

async fn save_locked(tx: &mut TenantTx, mut change: Change) -> Result<Applied, Fault> {
    let mut expected_version = change.payment.version - 1;
    let mut booked = (change.operation.id, None);
    if change.posting.as_ref().is_some_and(|posting| posting.reversal) {
        let reversal = change.operation.reversal(tx.actor());
        operation_insert(tx, &reversal).await?;
        booked = (reversal.id, Some(change.operation.id));
    }
    if change.unwanted && !change.payment.is_voiding() {
        let (payment, operation) = (&mut change.payment, &change.operation);
        let id = derived_id("void of an unwanted authorisation", &[operation.id.uuid().as_bytes()]);
        let void = Operation::waiting_void(id, payment.id, tx.actor(), operation.updated_at);
        payment.waiting_void = Some(id);
        payment_reserve(tx, payment, &void).await?;
        expected_version = payment.version;
    }
    let journal = tx.new_id();
    if !save(tx.step(), expected_version, &change, journal, booked).await? {
        return Err(Fault::internal("a payment changed under its lock"));
    }
    Ok(Applied { payment: change.payment, operation: change.operation, refusal: None })
}

/// Stores a change, its event and timers, and the journal of the operation `booked`, which may take another one back. False
/// when the payment has another version.
async fn save(
    mut write: WriteOnce<'_>,
    expected_version: i64,
    change: &Change,
    journal: JournalId,
    booked: (OperationId, Option<OperationId>),
) -> sqlx::Result<bool> {
    let Change { payment, operation, posting, .. } = change;
    let journal = posting.as_ref().map(|posting| JournalCreate {
        id: journal,
        operation: booked.0,
        reverses: booked.1,
        posting,
        actor: &operation.actor,
    });
    write.publish(&PaymentBody::from(payment));
    if !is_queried(payment, operation) {
        write.unschedule(RESOLVE, &operation.id.to_string());
    }
    if payment.waiting_void.is_some() && !payment.has_open_outcome() {
        write.schedule(VOID, &payment.id.to_string(), operation.updated_at, &());
    }
    payment_settle(write, expected_version, payment, operation, journal.as_ref()).await
}

/// Whether to query the provider for the outcome. There is no query for manual payments: the merchant reports their outcome.
pub(super) fn is_queried(payment: &Payment, operation: &Operation) -> bool {
    operation.status.is_open() && payment.provider != ProviderKind::Manual
}
