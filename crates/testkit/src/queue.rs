//! For tests of concurrent writers: holds a row's lock until the given number of statements wait for it.

use sqlx::PgConnection;

/// Maximum number of polls, many times what is needed.
const POLLS_MAX: usize = 50_000;

/// Waits until `length` statements wait for what the connection has locked, one behind the other.
///
/// # Panics
///
/// When fewer arrive.
pub async fn queue(holder: &mut PgConnection, length: i64) {
    let waiting = "select count(distinct pid) from pg_locks
         where not granted and (pg_backend_pid() = any(pg_blocking_pids(pid)) or exists (
             select from unnest(pg_blocking_pids(pid)) ahead where pg_backend_pid() = any(pg_blocking_pids(ahead))))";
    for _ in 0..POLLS_MAX {
        let found: i64 = sqlx::query_scalar(waiting).fetch_one(&mut *holder).await.expect("the holder looks");
        if length <= found {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("fewer than {length} came to what is locked");
}
