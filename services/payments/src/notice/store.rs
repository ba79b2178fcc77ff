//! Notices in the database: each is acted on once.

use bloom_db::TenantTx;
use bloom_kernel::{ConnectionId, OperationId};
use sqlx::PgConnection;

/// Stores a notice before it is acted on; false when it was stored before. A concurrent copy waits here for the commit of
/// the first.
pub(crate) async fn notice_insert(
    tx: &mut TenantTx,
    connection: ConnectionId,
    notice: &str,
    operation: Option<OperationId>,
) -> sqlx::Result<bool> {
    let inserted = sqlx::query!(
        "insert into notice (tenant_id, connection_id, notice_id, operation_id, received_at)
         values ($1, $2, $3, $4, $5)
         on conflict (tenant_id, connection_id, notice_id) do nothing",
        tx.tenant().uuid(),
        connection.uuid(),
        notice,
        operation.map(OperationId::uuid),
        tx.now(),
    )
    .execute(&mut **tx)
    .await?;
    Ok(inserted.rows_affected() == 1)
}

/// Records why a genuine notice could not be applied.
pub(crate) async fn notice_refuse(
    conn: &mut PgConnection,
    connection: ConnectionId,
    notice: &str,
    refusal: &str,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update notice set refusal = $3 where connection_id = $1 and notice_id = $2",
        connection.uuid(),
        notice,
        refusal,
    )
    .execute(conn)
    .await
    .map(drop)
}
