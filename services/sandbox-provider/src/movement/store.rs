//! Movements in the database.

use bloom_db::TenantTx;
use sqlx::PgConnection;
use uuid::Uuid;

use super::model::Movement;
use crate::object::{MovementKind, Status};

/// Selects movements; `tail` is the rest of the statement.
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

pub(crate) async fn movement_insert(tx: &mut TenantTx, new: &Movement) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into movement (tenant_id, id, authorisation_id, kind, idempotency_key, fingerprint, amount, status, sequence,
                               created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        tx.tenant().uuid(),
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
    .execute(&mut **tx)
    .await
    .map(drop)
}

pub(crate) async fn movement_get(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<Option<Movement>> {
    select_movement!("where id = $1", id).fetch_optional(conn).await
}

/// The movement that a request with this key created.
pub(crate) async fn movement_by_key(conn: &mut PgConnection, key: &str) -> sqlx::Result<Option<Movement>> {
    select_movement!("where idempotency_key = $1", key).fetch_optional(conn).await
}

/// Settles a pending movement; `None` when it was settled before.
pub(crate) async fn movement_settle(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<Option<Movement>> {
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
