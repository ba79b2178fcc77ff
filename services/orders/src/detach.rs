//! Work that is finished even when the client disconnects.

use bloom_fault::Fault;
use tracing::Instrument as _;

/// Runs the work in a task of its own and waits for it: dropping the caller's future does not cancel the work. If the process ends
/// first, a timer resumes the work: every caller has committed one.
#[expect(clippy::disallowed_methods, reason = "awaited here; dropping this future must not stop the work, as a JoinSet would")]
pub(crate) async fn detached<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> Result<T, Fault> {
    tokio::spawn(work.in_current_span()).await.map_err(Fault::internal)
}
