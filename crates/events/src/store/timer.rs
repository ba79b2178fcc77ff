//! Timer rows.

use bloom_fault::Fault;
use bloom_kernel::{TenantId, Timestamp};
use sqlx::PgConnection;
use uuid::Uuid;

/// A due timer that this process has claimed.
#[derive(Clone, Debug)]
pub(crate) struct Due {
    pub(crate) tenant_id: Uuid,
    pub(crate) kind: String,
    pub(crate) key: String,
    pub(crate) payload: String,
    pub(crate) attempts: i32,
}

impl Due {
    pub(crate) fn tenant(&self) -> TenantId {
        TenantId::from_uuid(self.tenant_id)
    }
}

/// When the next timer of these kinds is due.
pub(crate) async fn timer_next(conn: &mut PgConnection, kinds: &[String]) -> Result<Option<Timestamp>, Fault> {
    Ok(sqlx::query_scalar!(
        "select run_at from timer where kind = any($1) and locked_until < clock_timestamp() order by run_at limit 1",
        kinds,
    )
    .fetch_optional(conn)
    .await?)
}

/// Claims due timers for `lease_s` seconds; skips timers that are claimed already.
pub(crate) async fn timer_claim(
    conn: &mut PgConnection,
    kinds: &[String],
    now: Timestamp,
    claim: Uuid,
    lease_s: f64,
    limit: i64,
) -> Result<Vec<Due>, Fault> {
    Ok(sqlx::query_as!(
        Due,
        "update timer
         set claim = $3, attempts = timer.attempts + 1, locked_until = clock_timestamp() + make_interval(secs => $4)
         from (
             select tenant_id, kind, key from timer
             where run_at <= $2 and kind = any($1) and locked_until < clock_timestamp()
             order by run_at limit $5 for update skip locked
         ) due
         where timer.tenant_id = due.tenant_id and timer.kind = due.kind and timer.key = due.key
         returning timer.tenant_id, timer.kind, timer.key, timer.payload, timer.attempts",
        kinds,
        now,
        claim,
        lease_s,
        limit,
    )
    .fetch_all(conn)
    .await?)
}

/// Deletes a fired timer, unless it was scheduled again meanwhile.
pub(crate) async fn timer_done(conn: &mut PgConnection, due: &Due, claim: Uuid) -> Result<(), Fault> {
    sqlx::query!(
        "delete from timer where tenant_id = $1 and kind = $2 and key = $3 and claim = $4",
        due.tenant_id,
        due.kind,
        due.key,
        claim,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Records a timer's failure and when to retry.
pub(crate) async fn timer_failed(conn: &mut PgConnection, due: &Due, claim: Uuid, wait_s: f64, error: &str) -> Result<(), Fault> {
    sqlx::query!(
        "update timer set locked_until = clock_timestamp() + make_interval(secs => $5), claim = null, last_error = $6
         where tenant_id = $1 and kind = $2 and key = $3 and claim = $4",
        due.tenant_id,
        due.kind,
        due.key,
        claim,
        wait_s,
        error,
    )
    .execute(conn)
    .await?;
    Ok(())
}
