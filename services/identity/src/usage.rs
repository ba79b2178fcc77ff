//! The last use of keys: noted in memory when a gateway asks for a key (about once a minute for a busy one), written in
//! batches. A crash loses some seconds of it, which nobody misses.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bloom_fault::Fault;
use bloom_kernel::{ApiKeyId, Timestamp};
use bloom_runtime::{StartError, Task};
use chrono::TimeDelta;
use uuid::Uuid;

use crate::Identity;
use crate::store::{api_key, revocation};

const FLUSH_EVERY: Duration = Duration::from_secs(10);
const FLUSHES_PER_PURGE: u32 = 360;
const REVOCATIONS_KEPT: TimeDelta = TimeDelta::days(7);
const KEYS_MAX: usize = 100_000;

/// Uses that are not yet written.
#[derive(Default)]
pub struct Usage(Mutex<BTreeMap<ApiKeyId, Timestamp>>);

impl Usage {
    /// Notes a use. Beyond a hundred thousand keys in one interval further ones go unnoted.
    pub fn note(&self, key: ApiKeyId, at: Timestamp) {
        let mut uses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if uses.len() < KEYS_MAX || uses.contains_key(&key) {
            uses.insert(key, at);
        }
    }

    fn take(&self) -> BTreeMap<ApiKeyId, Timestamp> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The loop that writes uses and, once an hour, forgets old revocations.
pub fn task(app: Identity) -> Task {
    Task::new("key usage", run(app))
}

async fn run(app: Identity) -> Result<(), StartError> {
    let mut flushes = 0_u32;
    while !app.host.shutdown.is_cancelled() {
        tokio::select! {
            () = app.host.shutdown.cancelled() => {}
            () = tokio::time::sleep(FLUSH_EVERY) => {}
        }
        if let Err(fault) = flush(&app).await {
            tracing::warn!(cause = fault.chain(), "the last use of some keys could not be written");
        }
        if flushes.is_multiple_of(FLUSHES_PER_PURGE)
            && let Err(fault) = purge(&app).await
        {
            tracing::warn!(cause = fault.chain(), "old revocations could not be removed");
        }
        flushes = flushes.wrapping_add(1);
    }
    Ok(())
}

/// Writes what was noted.
pub async fn flush(app: &Identity) -> Result<(), Fault> {
    let (keys, used_at): (Vec<Uuid>, Vec<Timestamp>) = app.usage.take().into_iter().map(|(key, at)| (key.uuid(), at)).unzip();
    if keys.is_empty() {
        return Ok(());
    }
    let mut tx = app.db.system().await?;
    api_key::api_key_touch(&mut tx, &keys, &used_at).await?;
    tx.commit().await
}

/// Forgets revocations that every gateway has long heard.
pub async fn purge(app: &Identity) -> Result<(), Fault> {
    let mut tx = app.db.system().await?;
    revocation::revocation_purge(&mut tx, app.host.platform_now() - REVOCATIONS_KEPT).await?;
    tx.commit().await
}
