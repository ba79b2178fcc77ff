//! Work that goes on when the one who asked for it hangs up.

use bloom_fault::Fault;
use tracing::Instrument as _;

/// Runs the work in a task of its own and waits for it; it comes to its end whether or not anybody still waits. Should the
/// process end before it does, timers take it up: every caller has committed one.
#[expect(clippy::disallowed_methods, reason = "awaited here; dropping this future must not stop the work, as a JoinSet would")]
pub(crate) async fn detached<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> Result<T, Fault> {
    tokio::spawn(work.in_current_span()).await.map_err(Fault::internal)
}
