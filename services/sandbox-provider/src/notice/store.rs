//! Notices in the database.

use bloom_db::TenantTx;
use bloom_kernel::Timestamp;
use sqlx::PgConnection;
use uuid::Uuid;

/// Stores a notice with its body, which never changes.
pub(crate) async fn notice_insert(tx: &mut TenantTx, id: Uuid, body: &str) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into notice (tenant_id, id, body, attempts, created_at) values ($1, $2, $3, 0, $4)",
        tx.tenant().uuid(),
        id,
        body,
        tx.now(),
    )
    .execute(&mut **tx)
    .await
    .map(drop)
}

pub(crate) async fn notice_body(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar!("select body from notice where id = $1", id).fetch_optional(conn).await
}

/// Records the outcome of an attempt.
pub(crate) async fn notice_attempted(conn: &mut PgConnection, id: Uuid, error: Option<&str>, now: Timestamp) -> sqlx::Result<()> {
    sqlx::query!(
        "update notice
         set attempts = attempts + 1, last_error = $2,
             delivered_at = case when $2::text is null then coalesce(delivered_at, $3) else delivered_at end
         where id = $1",
        id,
        error,
        now,
    )
    .execute(conn)
    .await
    .map(drop)
}
