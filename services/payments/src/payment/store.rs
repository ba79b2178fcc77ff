//! Payments in the database, and the statement that stores the outcome of an operation.

use bloom_db::{TenantTx, WriteOnce, write_once};
use bloom_events::ExportPage;
use bloom_kernel::{CheckoutId, ConnectionId, Currency, JournalId, OperationId, OrderId, PaymentId, TenantId, Timestamp};
use sqlx::PgConnection;
use uuid::Uuid;

use super::body::PaymentBody;
use super::model::{Payment, PaymentStatus};
use crate::operation::{Failure, FailureCode, Operation, Posting};
use crate::provider::ProviderKind;

/// Selects payments; `tail` is the rest of the statement.
macro_rules! select_payment {
    ($tail:tt $(, $argument:expr)* $(,)?) => {
        sqlx::query_as!(
            PaymentRow,
            r#"select id as "id: PaymentId", checkout_id as "checkout_id: CheckoutId", order_id as "order_id: OrderId",
                      connection_id as "connection_id: ConnectionId", provider as "provider: ProviderKind",
                      currency as "currency: Currency", amount, status as "status: PaymentStatus",
                      authorised_amount, capture_pending_amount, captured_amount, void_pending_amount, voided_amount,
                      refund_pending_amount, refunded_amount, waiting_void_id as "waiting_void_id: OperationId",
                      provider_reference, action_url, failure_code as "failure_code: FailureCode", failure_message,
                      return_url, version, created_at, updated_at
               from payment "# + $tail
            $(, $argument)*
        )
    };
}

struct PaymentRow {
    id: PaymentId,
    checkout_id: CheckoutId,
    order_id: Option<OrderId>,
    connection_id: ConnectionId,
    provider: ProviderKind,
    currency: Currency,
    amount: i64,
    status: PaymentStatus,
    authorised_amount: i64,
    capture_pending_amount: i64,
    captured_amount: i64,
    void_pending_amount: i64,
    voided_amount: i64,
    refund_pending_amount: i64,
    refunded_amount: i64,
    waiting_void_id: Option<OperationId>,
    provider_reference: Option<String>,
    action_url: Option<String>,
    failure_code: Option<FailureCode>,
    failure_message: Option<String>,
    return_url: Option<String>,
    version: i64,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl From<PaymentRow> for Payment {
    fn from(row: PaymentRow) -> Self {
        Self {
            id: row.id,
            checkout_id: row.checkout_id,
            order_id: row.order_id,
            connection_id: row.connection_id,
            provider: row.provider,
            currency: row.currency,
            amount: row.amount,
            status: row.status,
            authorised: row.authorised_amount,
            capture_pending: row.capture_pending_amount,
            captured: row.captured_amount,
            void_pending: row.void_pending_amount,
            voided: row.voided_amount,
            refund_pending: row.refund_pending_amount,
            refunded: row.refunded_amount,
            waiting_void: row.waiting_void_id,
            provider_reference: row.provider_reference,
            action_url: row.action_url,
            failure: row.failure_code.map(|code| Failure::new(code, row.failure_message.unwrap_or_default())),
            return_url: row.return_url,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// Stores a new payment with its authorisation; false when the payment or its checkout has one already.
pub(crate) async fn payment_open(write: WriteOnce<'_>, payment: &Payment, authorise: &Operation) -> sqlx::Result<bool> {
    let opened = write_once!(
        write,
        "changed as (
             insert into payment (tenant_id, id, checkout_id, connection_id, provider, currency, amount, status,
                                  authorised_amount, capture_pending_amount, captured_amount, void_pending_amount,
                                  voided_amount, refund_pending_amount, refunded_amount, return_url,
                                  version, created_at, updated_at, order_id)
             values ($1, $4, $5, $6, $7, $8, $9, $10, 0, 0, 0, 0, 0, 0, 0, $11, $12, $13, $13, $19)
             on conflict do nothing
             returning version as answer),
           asked as (
             insert into operation (tenant_id, id, payment_id, kind, amount, status, fingerprint, provider_sequence,
                                    actor, created_at, updated_at)
             select $1, $14, $4, $15, $9, $16, $17, 0, $18, $13, $13 from changed)",
        payment.id.uuid(),
        payment.checkout_id.uuid(),
        payment.connection_id.uuid(),
        payment.provider.as_str(),
        payment.currency as Currency,
        payment.amount,
        payment.status.as_str(),
        payment.return_url,
        payment.version,
        payment.created_at,
        authorise.id.uuid(),
        authorise.kind.as_str(),
        authorise.status.as_str(),
        authorise.fingerprint,
        authorise.actor,
        payment.order_id.map(OrderId::uuid),
    )?;
    Ok(opened.is_some())
}

pub(crate) async fn payment_get(conn: &mut PgConnection, id: PaymentId) -> sqlx::Result<Option<Payment>> {
    let row = select_payment!("where id = $1", id.uuid()).fetch_optional(conn).await?;
    Ok(row.map(Payment::from))
}

/// A payment under its row lock: all decisions about its money are taken under it.
pub(crate) async fn payment_lock(conn: &mut PgConnection, id: PaymentId) -> sqlx::Result<Option<Payment>> {
    let row = select_payment!("where id = $1 for update", id.uuid()).fetch_optional(conn).await?;
    Ok(row.map(Payment::from))
}

/// The payment of an operation, under its row lock.
pub(crate) async fn payment_lock_by_operation(conn: &mut PgConnection, operation: OperationId) -> sqlx::Result<Option<Payment>> {
    let row = select_payment!("where id = (select o.payment_id from operation o where o.id = $1) for update", operation.uuid())
        .fetch_optional(conn)
        .await?;
    Ok(row.map(Payment::from))
}

/// Payments, newest first. Each combination of the filter has an index that the tenant leads.
pub(crate) async fn payment_list(
    conn: &mut PgConnection,
    status: Option<PaymentStatus>,
    checkout: Option<CheckoutId>,
    before: Option<PaymentId>,
    limit: i64,
) -> sqlx::Result<Vec<Payment>> {
    let before = before.map_or(Uuid::max(), PaymentId::uuid);
    let rows = match (checkout, status) {
        // A checkout has one payment at most.
        (Some(checkout), status) => {
            select_payment!(
                "where checkout_id = $1 and id < $2 and ($3::text is null or status = $3)",
                checkout.uuid(),
                before,
                status.map(PaymentStatus::as_str),
            )
            .fetch_all(conn)
            .await?
        }
        (None, Some(status)) => {
            select_payment!("where status = $1 and id < $2 order by id desc limit $3", status.as_str(), before, limit,)
                .fetch_all(conn)
                .await?
        }
        (None, None) => select_payment!("where id < $1 order by id desc limit $2", before, limit).fetch_all(conn).await?,
    };
    Ok(rows.into_iter().map(Payment::from).collect())
}

/// Stores a reservation: the payment's amounts and the new operation, or a void that stops waiting. False when the id
/// belongs to an operation of another payment.
pub(crate) async fn payment_reserve(tx: &mut TenantTx, payment: &Payment, operation: &Operation) -> sqlx::Result<bool> {
    let written = sqlx::query!(
        "with reserved as (
           update payment
           set status = $2, capture_pending_amount = $3, void_pending_amount = $4, refund_pending_amount = $5,
               waiting_void_id = $6, version = $7, updated_at = $8
           where id = $1)
         insert into operation (tenant_id, id, payment_id, kind, amount, status, fingerprint, provider_sequence,
                                failure_code, failure_message, actor, created_at, updated_at)
         values ($9, $10, $1, $11, $12, $13, $14, 0, $16, $17, $15, $8, $8)
         on conflict (tenant_id, id) do update
           set amount = excluded.amount, status = excluded.status, updated_at = excluded.updated_at
           where operation.payment_id = excluded.payment_id and operation.kind = 'void' and operation.status = 'pending'",
        payment.id.uuid(),
        payment.status.as_str(),
        payment.capture_pending,
        payment.void_pending,
        payment.refund_pending,
        payment.waiting_void.map(OperationId::uuid),
        payment.version,
        payment.updated_at,
        tx.tenant().uuid(),
        operation.id.uuid(),
        operation.kind.as_str(),
        operation.amount,
        operation.status.as_str(),
        operation.fingerprint,
        operation.actor,
        operation.failure.as_ref().map(|failure| failure.code.as_str()),
        operation.failure.as_ref().map(|failure| failure.message.as_str()),
    )
    .execute(&mut **tx)
    .await?;
    Ok(written.rows_affected() == 1)
}

/// A journal about to be written.
#[derive(Debug)]
pub(crate) struct JournalCreate<'a> {
    pub id: JournalId,
    /// The operation that it books.
    pub operation: OperationId,
    /// The operation whose journal it takes back.
    pub reverses: Option<OperationId>,
    pub posting: &'a Posting,
    pub actor: &'a str,
}

/// Stores an outcome in one statement: the payment, which must be of the expected version, the operation, and the journal
/// when money moved. False when the payment has another version.
pub(crate) async fn payment_settle(
    write: WriteOnce<'_>,
    expected_version: i64,
    payment: &Payment,
    operation: &Operation,
    journal: Option<&JournalCreate<'_>>,
) -> sqlx::Result<bool> {
    let sides = journal.map_or(&[][..], |journal| &journal.posting.sides);
    let accounts: Vec<String> = sides.iter().map(|side| side.account.as_str().to_owned()).collect();
    let amounts: Vec<i64> = sides.iter().map(|side| side.amount).collect();
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
        expected_version,
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
        code(payment.failure.as_ref()),
        message(payment.failure.as_ref()),
        payment.version,
        payment.updated_at,
        operation.id.uuid(),
        operation.status.as_str(),
        operation.provider_reference,
        operation.provider_sequence,
        code(operation.failure.as_ref()),
        message(operation.failure.as_ref()),
        journal.map(|journal| journal.id.uuid()),
        journal.map(|journal| journal.operation.uuid()),
        journal.map(|journal| journal.posting.kind.as_str()),
        journal.and_then(|journal| journal.reverses).map(OperationId::uuid),
        journal.map(|journal| journal.actor),
        &accounts,
        &amounts,
        payment.currency as Currency,
    )?;
    Ok(settled.is_some())
}

fn code(failure: Option<&Failure>) -> Option<&'static str> {
    failure.map(|failure| failure.code.as_str())
}

fn message(failure: Option<&Failure>) -> Option<&str> {
    failure.map(|failure| failure.message.as_str())
}

/// Payments of all tenants, for the export.
pub(crate) async fn payment_export(
    conn: &mut PgConnection,
    page: ExportPage<PaymentId>,
) -> sqlx::Result<Vec<(TenantId, PaymentBody)>> {
    let (tenant, id) = page.position();
    let keys = sqlx::query!(
        r#"select tenant_id as "tenant_id: TenantId", id from payment
           where (tenant_id, id) > ($1, $2) order by tenant_id, id limit $3"#,
        tenant,
        id,
        page.limit,
    )
    .fetch_all(&mut *conn)
    .await?;
    let (tenants, ids): (Vec<_>, Vec<_>) = keys.iter().map(|key| (key.tenant_id.uuid(), key.id)).unzip();
    let rows = select_payment!(
        "join unnest($1::uuid[], $2::uuid[]) as wanted(wanted_tenant, wanted_id)
           on tenant_id = wanted_tenant and id = wanted_id
         order by tenant_id, id",
        &tenants,
        &ids,
    )
    .fetch_all(conn)
    .await?;
    Ok(keys
        .into_iter()
        .map(|key| key.tenant_id)
        .zip(rows.into_iter().map(|row| PaymentBody::from(&Payment::from(row))))
        .collect())
}
