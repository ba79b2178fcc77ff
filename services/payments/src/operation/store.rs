//! Operations in the database.

use bloom_db::TenantTx;
use bloom_kernel::{OperationId, PaymentId, Timestamp};
use sqlx::PgConnection;

use super::model::{Failure, FailureCode, Operation, OperationKind, OperationStatus};

/// Selects operations; `tail` is the rest of the statement.
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

pub(crate) async fn operation_get(conn: &mut PgConnection, id: OperationId) -> sqlx::Result<Option<Operation>> {
    let row = select_operation!("where id = $1", id.uuid()).fetch_optional(conn).await?;
    Ok(row.map(Operation::from))
}

/// The authorisation of a payment.
pub(crate) async fn operation_authorise(conn: &mut PgConnection, payment: PaymentId) -> sqlx::Result<Option<Operation>> {
    let row = select_operation!("where payment_id = $1 and kind = 'authorise' and reverses is null", payment.uuid())
        .fetch_optional(conn)
        .await?;
    Ok(row.map(Operation::from))
}

/// The operations of a payment by id, which is nearly the order of their creation.
pub(crate) async fn operation_list(
    conn: &mut PgConnection,
    payment: PaymentId,
    after: Option<OperationId>,
    limit: i64,
) -> sqlx::Result<Vec<Operation>> {
    let after = after.map_or(uuid::Uuid::nil(), OperationId::uuid);
    let rows = select_operation!("where payment_id = $1 and id > $2 order by id limit $3", payment.uuid(), after, limit,)
        .fetch_all(conn)
        .await?;
    Ok(rows.into_iter().map(Operation::from).collect())
}

/// Stores an operation that has already ended when it is recorded: a reversal, or the failed authorisation that blocks a payment.
/// False when it exists.
pub(crate) async fn operation_insert(tx: &mut TenantTx, operation: &Operation) -> sqlx::Result<bool> {
    let inserted = sqlx::query!(
        "insert into operation (tenant_id, id, payment_id, kind, amount, status, fingerprint, reverses,
                                provider_reference, provider_sequence, actor, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12)
         on conflict do nothing",
        tx.tenant().uuid(),
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
    .execute(&mut **tx)
    .await?;
    Ok(inserted.rows_affected() == 1)
}
