//! Makes requests for one variant wait before they take a database connection. Otherwise a rush on one variant would use up the
//! connection pool. Correctness does not depend on it: the row lock in the database decides.

use std::collections::BTreeSet;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

use bloom_fault::{Code, Fault};
use bloom_kernel::VariantId;
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::{Instant, timeout_at};

/// Two variants may share a queue; this costs only a little time.
const QUEUES: usize = 1_024;

/// The queues of one process.
pub struct VariantLocks {
    queues: Vec<Mutex<()>>,
}

impl Default for VariantLocks {
    fn default() -> Self {
        Self { queues: (0..QUEUES).map(|_| Mutex::default()).collect() }
    }
}

impl VariantLocks {
    /// Locks all variants, in the same order for all callers. Waiting callers are served first come, first served.
    pub async fn lock(
        &self,
        variants: impl IntoIterator<Item = VariantId>,
        deadline: Instant,
    ) -> Result<Vec<MutexGuard<'_, ()>>, Fault> {
        let wanted: BTreeSet<usize> = variants.into_iter().map(queue).collect();
        let locks = async {
            let mut locks = Vec::with_capacity(wanted.len());
            for index in wanted {
                locks.push(self.queues[index].lock().await);
            }
            locks
        };
        timeout_at(deadline, locks).await.map_err(|_| Fault::new(Code::DeadlineExceeded, "deadline_exceeded", ""))
    }
}

fn queue(variant: VariantId) -> usize {
    let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(variant);
    usize::try_from(hash % QUEUES as u64).unwrap_or_default()
}
