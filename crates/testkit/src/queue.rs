//! Two who come to the same row at once: a test holds the row until both wait for it.

use sqlx::PgConnection;

/// So many looks are many times what it takes; what has not come by then will not.
const LOOKS: usize = 50_000;

/// Waits until so many wait for what the connection has locked, behind one another.
///
/// # Panics
///
/// When they do not come.
pub async fn queue(holder: &mut PgConnection, length: i64) {
    let waiting = "select count(distinct pid) from pg_locks
         where not granted and (pg_backend_pid() = any(pg_blocking_pids(pid)) or exists (
             select from unnest(pg_blocking_pids(pid)) ahead where pg_backend_pid() = any(pg_blocking_pids(ahead))))";
    for _ in 0..LOOKS {
        let found: i64 = sqlx::query_scalar(waiting).fetch_one(&mut *holder).await.expect("the holder looks");
        if length <= found {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("fewer than {length} came to what is locked");
}
