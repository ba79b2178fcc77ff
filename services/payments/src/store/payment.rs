//! Payments.

use bloom_db::WriteOnce;
use bloom_db::write_once;
use bloom_fault::Fault;
use bloom_kernel::{CheckoutId, ConnectionId, Currency, OperationId, PaymentId, TenantId, Timestamp};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::{Failure, FailureCode, Operation, Payment, PaymentStatus, ProviderKind};

/// Selects payments; the tail is the rest of the statement.
macro_rules! select_payment {
    ($tail:tt $(, $argument:expr)* $(,)?) => {
        sqlx::query_as!(
            PaymentRow,
            r#"select id as "id: PaymentId", checkout_id as "checkout_id: CheckoutId",
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
pub async fn payment_open(write: WriteOnce<'_>, payment: &Payment, authorise: &Operation) -> Result<bool, sqlx::Error> {
    let opened = write_once!(
        write,
        "changed as (
             insert into payment (tenant_id, id, checkout_id, connection_id, provider, currency, amount, status,
                                  authorised_amount, capture_pending_amount, captured_amount, void_pending_amount,
                                  voided_amount, refund_pending_amount, refunded_amount, return_url,
                                  version, created_at, updated_at)
             values ($1, $4, $5, $6, $7, $8, $9, $10, 0, 0, 0, 0, 0, 0, 0, $11, $12, $13, $13)
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
    )?;
    Ok(opened.is_some())
}

/// A payment.
pub async fn payment_get(conn: &mut PgConnection, id: PaymentId) -> Result<Option<Payment>, Fault> {
    let row = select_payment!("where id = $1", id.uuid()).fetch_optional(conn).await?;
    Ok(row.map(Payment::from))
}

/// A payment under its row lock: whoever holds it decides alone.
pub async fn payment_lock(conn: &mut PgConnection, id: PaymentId) -> Result<Option<Payment>, Fault> {
    let row = select_payment!("where id = $1 for update", id.uuid()).fetch_optional(conn).await?;
    Ok(row.map(Payment::from))
}

/// The payment of an operation, under its row lock.
pub async fn payment_lock_of(conn: &mut PgConnection, operation: OperationId) -> Result<Option<Payment>, Fault> {
    let row = select_payment!("where id = (select o.payment_id from operation o where o.id = $1) for update", operation.uuid())
        .fetch_optional(conn)
        .await?;
    Ok(row.map(Payment::from))
}

/// Which payments a list shows.
#[derive(Clone, Copy, Debug, Default)]
pub struct PaymentFilter {
    /// Only these.
    pub status: Option<PaymentStatus>,
    /// Only the payment of this checkout.
    pub checkout: Option<CheckoutId>,
    /// Only older ones than this.
    pub before: Option<PaymentId>,
}

/// Payments, youngest first. Each shape of the filter has an index of the tenant behind it.
pub async fn payment_list(conn: &mut PgConnection, filter: PaymentFilter, limit: i64) -> Result<Vec<Payment>, Fault> {
    let before = filter.before.map_or(Uuid::max(), PaymentId::uuid);
    let rows = match (filter.checkout, filter.status) {
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

/// Stores the promise to an operation: the payment's amounts and the new operation, or a void that stops waiting. False
/// when the id belongs to an operation of another payment.
pub async fn payment_promise(
    conn: &mut PgConnection,
    tenant: TenantId,
    payment: &Payment,
    operation: &Operation,
) -> Result<bool, sqlx::Error> {
    let written = sqlx::query!(
        "with promised as (
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
        tenant.uuid(),
        operation.id.uuid(),
        operation.kind.as_str(),
        operation.amount,
        operation.status.as_str(),
        operation.fingerprint,
        operation.actor,
        operation.failure.as_ref().map(|failure| failure.code.as_str()),
        operation.failure.as_ref().map(|failure| failure.message.as_str()),
    )
    .execute(conn)
    .await?;
    Ok(written.rows_affected() == 1)
}

/// Payments of all tenants, in order.
pub async fn payment_export(
    conn: &mut PgConnection,
    after: Option<(TenantId, PaymentId)>,
    limit: i64,
) -> Result<Vec<(TenantId, Payment)>, Fault> {
    let (tenant, id) = after.map_or((Uuid::nil(), Uuid::nil()), |(tenant, id)| (tenant.uuid(), id.uuid()));
    let keys = sqlx::query!(
        r#"select tenant_id as "tenant_id: TenantId", id from payment
           where (tenant_id, id) > ($1, $2) order by tenant_id, id limit $3"#,
        tenant,
        id,
        limit,
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
    Ok(keys.into_iter().map(|key| key.tenant_id).zip(rows.into_iter().map(Payment::from)).collect())
}
