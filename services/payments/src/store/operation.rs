//! Operations, and what their outcomes write.

use bloom_db::WriteOnce;
use bloom_db::write_once;
use bloom_fault::Fault;
use bloom_kernel::{JournalId, OperationId, PaymentId, TenantId, Timestamp};
use sqlx::PgConnection;

use crate::domain::{Failure, FailureCode, Operation, OperationKind, OperationStatus, Payment, Posting};

/// Selects operations; the tail is the rest of the statement.
macro_rules! select_operation {
    ($tail:tt $(, $argument:expr)* $(,)?) => {
        sqlx::query_as!(
            OperationRow,
            r#"select id as "id: OperationId", payment_id as "payment_id: PaymentId", kind as "kind: OperationKind",
                      amount, status as "status: OperationStatus", fingerprint, reverses as "reverses: OperationId",
                      provider_reference, provider_sequence, failure_code as "failure_code: FailureCode",
                      failure_message, actor, created_at, updated_at
               from operation "# + $tail
            $(, $argument)*
        )
    };
}

struct OperationRow {
    id: OperationId,
    payment_id: PaymentId,
    kind: OperationKind,
    amount: i64,
    status: OperationStatus,
    fingerprint: Vec<u8>,
    reverses: Option<OperationId>,
    provider_reference: Option<String>,
    provider_sequence: i64,
    failure_code: Option<FailureCode>,
    failure_message: Option<String>,
    actor: String,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl From<OperationRow> for Operation {
    fn from(row: OperationRow) -> Self {
        Self {
            id: row.id,
            payment_id: row.payment_id,
            kind: row.kind,
            amount: row.amount,
            status: row.status,
            fingerprint: row.fingerprint,
            reverses: row.reverses,
            provider_reference: row.provider_reference,
            provider_sequence: row.provider_sequence,
            failure: row.failure_code.map(|code| Failure::new(code, row.failure_message.unwrap_or_default())),
            actor: row.actor,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// An operation.
pub async fn operation_get(conn: &mut PgConnection, id: OperationId) -> Result<Option<Operation>, Fault> {
    let row = select_operation!("where id = $1", id.uuid()).fetch_optional(conn).await?;
    Ok(row.map(Operation::from))
}

/// The authorisation of a payment.
pub async fn operation_authorise(conn: &mut PgConnection, payment: PaymentId) -> Result<Option<Operation>, Fault> {
    let row = select_operation!("where payment_id = $1 and kind = 'authorise' and reverses is null", payment.uuid())
        .fetch_optional(conn)
        .await?;
    Ok(row.map(Operation::from))
}

/// The operations of a payment in order of their ids, which is nearly the order they came in.
pub async fn operation_list(
    conn: &mut PgConnection,
    payment: PaymentId,
    after: Option<OperationId>,
    limit: i64,
) -> Result<Vec<Operation>, Fault> {
    let after = after.map_or(uuid::Uuid::nil(), OperationId::uuid);
    let rows = select_operation!("where payment_id = $1 and id > $2 order by id limit $3", payment.uuid(), after, limit,)
        .fetch_all(conn)
        .await?;
    Ok(rows.into_iter().map(Operation::from).collect())
}

/// A journal about to be written.
#[derive(Debug)]
pub struct NewJournal<'a> {
    /// Its id.
    pub id: JournalId,
    /// The operation that it books.
    pub operation: OperationId,
    /// The operation whose journal it takes back.
    pub reverses: Option<OperationId>,
    /// What it says.
    pub posting: &'a Posting,
    /// Who caused it.
    pub actor: &'a str,
}

/// Stores an outcome, all in one statement: the payment, which must be of the version `seen`, the operation, and the journal
/// when money moved. False when the payment has changed since.
pub async fn operation_settle(
    write: WriteOnce<'_>,
    seen: i64,
    payment: &Payment,
    operation: &Operation,
    journal: Option<&NewJournal<'_>>,
) -> Result<bool, sqlx::Error> {
    let failure = |failure: &Option<Failure>| failure.as_ref().map(|failure| failure.code.as_str());
    let message = |failure: &Option<Failure>| failure.as_ref().map(|failure| failure.message.clone());
    let entries = journal.map_or(&[][..], |journal| &journal.posting.entries);
    let accounts: Vec<String> = entries.iter().map(|entry| entry.account.as_str().to_owned()).collect();
    let amounts: Vec<i64> = entries.iter().map(|entry| entry.amount).collect();
    let settled = write_once!(
        write,
        "changed as (
           update payment
           set status = $6, authorised_amount = $7, capture_pending_amount = $8, captured_amount = $9,
               void_pending_amount = $10, voided_amount = $11, refund_pending_amount = $12, refunded_amount = $13,
               waiting_void_id = $14, provider_reference = $15, action_url = $16, failure_code = $17,
               failure_message = $18, version = $19, updated_at = $20
           where tenant_id = $1 and id = $4 and version = $5
           returning version as answer),
         done as (
           update operation
           set status = $22, provider_reference = $23, provider_sequence = $24, failure_code = $25,
               failure_message = $26, updated_at = $20
           from changed where tenant_id = $1 and id = $21),
         booked as (
           insert into journal (tenant_id, id, operation_id, payment_id, kind, reverses, entry_count, actor, posted_at)
           select $1, $27, $28, $4, $29,
                  (select first.id from journal first where first.tenant_id = $1 and first.operation_id = $30),
                  cardinality($32::text[]), $31, $20
           from changed where $27::uuid is not null),
         side as (
           insert into entry (tenant_id, journal_id, line, account, currency, amount)
           select $1, $27, side.line, side.account, $34, side.amount
           from changed, unnest($32::text[], $33::int8[]) with ordinality as side(account, amount, line))",
        payment.id.uuid(),
        seen,
        payment.status.as_str(),
        payment.authorised,
        payment.capture_pending,
        payment.captured,
        payment.void_pending,
        payment.voided,
        payment.refund_pending,
        payment.refunded,
        payment.waiting_void.map(OperationId::uuid),
        payment.provider_reference,
        payment.action_url,
        failure(&payment.failure),
        message(&payment.failure),
        payment.version,
        payment.updated_at,
        operation.id.uuid(),
        operation.status.as_str(),
        operation.provider_reference,
        operation.provider_sequence,
        failure(&operation.failure),
        message(&operation.failure),
        journal.map(|journal| journal.id.uuid()),
        journal.map(|journal| journal.operation.uuid()),
        journal.map(|journal| journal.posting.kind.as_str()),
        journal.and_then(|journal| journal.reverses).map(OperationId::uuid),
        journal.map(|journal| journal.actor),
        &accounts,
        &amounts,
        payment.currency as bloom_kernel::Currency,
    )?;
    Ok(settled.is_some())
}

/// Stores an operation that is over the moment it is known: a reversal, or an authorisation that bars its payment. False
/// when there is one already.
pub async fn operation_insert(conn: &mut PgConnection, tenant: TenantId, operation: &Operation) -> Result<bool, sqlx::Error> {
    let inserted = sqlx::query!(
        "insert into operation (tenant_id, id, payment_id, kind, amount, status, fingerprint, reverses,
                                provider_reference, provider_sequence, actor, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12)
         on conflict do nothing",
        tenant.uuid(),
        operation.id.uuid(),
        operation.payment_id.uuid(),
        operation.kind.as_str(),
        operation.amount,
        operation.status.as_str(),
        operation.fingerprint,
        operation.reverses.map(OperationId::uuid),
        operation.provider_reference,
        operation.provider_sequence,
        operation.actor,
        operation.created_at,
    )
    .execute(conn)
    .await?;
    Ok(inserted.rows_affected() == 1)
}
