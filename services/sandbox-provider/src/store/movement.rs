//! Movements.

use bloom_kernel::TenantId;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::{Movement, MovementKind, Status};

/// Selects movements; the tail is the rest of the statement.
macro_rules! select_movement {
    ($tail:tt $(, $argument:expr)* $(,)?) => {
        sqlx::query_as!(
            Movement,
            r#"select id, authorisation_id, kind as "kind: MovementKind", idempotency_key, fingerprint, amount,
                      status as "status: Status", sequence, created_at
               from movement "# + $tail
            $(, $argument)*
        )
    };
}

/// Stores a new one.
pub async fn movement_insert(conn: &mut PgConnection, account: TenantId, new: &Movement) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into movement (tenant_id, id, authorisation_id, kind, idempotency_key, fingerprint, amount, status, sequence,
                               created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        account.uuid(),
        new.id,
        new.authorisation_id,
        new.kind.as_str(),
        new.idempotency_key,
        new.fingerprint,
        new.amount,
        new.status.as_str(),
        new.sequence,
        new.created_at,
    )
    .execute(conn)
    .await
    .map(drop)
}

/// By id.
pub async fn movement_get(conn: &mut PgConnection, id: Uuid) -> Result<Option<Movement>, sqlx::Error> {
    select_movement!("where id = $1", id).fetch_optional(conn).await
}

/// By the key of the request that made it.
pub async fn movement_by_key(conn: &mut PgConnection, key: &str) -> Result<Option<Movement>, sqlx::Error> {
    select_movement!("where idempotency_key = $1", key).fetch_optional(conn).await
}

/// A pending one is done; it comes back as it is now, or not at all when it was done before.
pub async fn movement_settle(conn: &mut PgConnection, id: Uuid) -> Result<Option<Movement>, sqlx::Error> {
    sqlx::query_as!(
        Movement,
        r#"update movement set status = 'succeeded', sequence = sequence + 1 where id = $1 and status = 'pending'
           returning id, authorisation_id, kind as "kind: MovementKind", idempotency_key, fingerprint, amount,
                     status as "status: Status", sequence, created_at"#,
        id
    )
    .fetch_optional(conn)
    .await
}
