//! Notices of providers, each acted on once.

use bloom_fault::Fault;
use bloom_kernel::{ConnectionId, OperationId, TenantId, Timestamp};
use sqlx::PgConnection;

/// Inserts a notice before it is acted on; false when it came before. A copy that arrives meanwhile waits here for the
/// first one's commit.
pub async fn provider_event_insert(
    conn: &mut PgConnection,
    tenant: TenantId,
    connection: ConnectionId,
    event: &str,
    operation: Option<OperationId>,
    now: Timestamp,
) -> Result<bool, Fault> {
    let inserted = sqlx::query!(
        "insert into provider_event (tenant_id, connection_id, event_id, operation_id, received_at)
         values ($1, $2, $3, $4, $5)
         on conflict (tenant_id, connection_id, event_id) do nothing",
        tenant.uuid(),
        connection.uuid(),
        event,
        operation.map(OperationId::uuid),
        now,
    )
    .execute(conn)
    .await?;
    Ok(inserted.rows_affected() == 1)
}

/// Notes why a genuine notice could not be applied.
pub async fn provider_event_refuse(
    conn: &mut PgConnection,
    connection: ConnectionId,
    event: &str,
    refusal: &str,
) -> Result<(), Fault> {
    sqlx::query!(
        "update provider_event set refusal = $3 where connection_id = $1 and event_id = $2",
        connection.uuid(),
        event,
        refusal,
    )
    .execute(conn)
    .await?;
    Ok(())
}
