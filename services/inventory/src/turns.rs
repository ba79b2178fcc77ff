//! Buyers of one variant wait for one another before they take a connection, not while they hold one: a sold-out rush on
//! one variant leaves the pool to everybody else. Who is right is decided by the lock in the database all the same.

use std::collections::BTreeSet;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

use bloom_fault::{Code, Fault};
use bloom_kernel::VariantId;
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::{Instant, timeout_at};

/// Variants share a queue by chance, which costs them a little time and nothing else.
const QUEUES: usize = 1_024;

/// The queues of one process.
pub struct Turns {
    queues: Vec<Mutex<()>>,
}

impl Default for Turns {
    fn default() -> Self {
        Self { queues: (0..QUEUES).map(|_| Mutex::default()).collect() }
    }
}

impl Turns {
    /// Waits for the turn at all variants, in one order for everybody; first come, first served.
    pub async fn take(
        &self,
        variants: impl IntoIterator<Item = VariantId>,
        deadline: Instant,
    ) -> Result<Vec<MutexGuard<'_, ()>>, Fault> {
        let wanted: BTreeSet<usize> = variants.into_iter().map(queue).collect();
        let turns = async {
            let mut turns = Vec::with_capacity(wanted.len());
            for index in wanted {
                turns.push(self.queues[index].lock().await);
            }
            turns
        };
        timeout_at(deadline, turns).await.map_err(|_| Fault::new(Code::DeadlineExceeded, "deadline_exceeded", ""))
    }
}

fn queue(variant: VariantId) -> usize {
    let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(variant);
    usize::try_from(hash % QUEUES as u64).unwrap_or_default()
}
