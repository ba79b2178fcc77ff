//! Notices to be delivered.

use bloom_kernel::{TenantId, Timestamp};
use sqlx::PgConnection;
use uuid::Uuid;

/// Stores one with its body, which never changes.
pub async fn notice_insert(
    conn: &mut PgConnection,
    account: TenantId,
    id: Uuid,
    body: &str,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into notice (tenant_id, id, body, attempts, created_at) values ($1, $2, $3, 0, $4)",
        account.uuid(),
        id,
        body,
        now,
    )
    .execute(conn)
    .await
    .map(drop)
}

/// The body of one.
pub async fn notice_body(conn: &mut PgConnection, id: Uuid) -> Result<Option<String>, sqlx::Error> {
    sqlx::query_scalar!("select body from notice where id = $1", id).fetch_optional(conn).await
}

/// Notes what an attempt came to.
pub async fn notice_attempted(conn: &mut PgConnection, id: Uuid, error: Option<&str>, now: Timestamp) -> Result<(), sqlx::Error> {
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
