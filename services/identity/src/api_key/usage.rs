//! The last use of keys: recorded in memory when a gateway resolves a key (about once a minute for a busy one), written in
//! batches. A crash loses the uses of some seconds, which is acceptable.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bloom_fault::Fault;
use bloom_kernel::{ApiKeyId, Timestamp};
use bloom_runtime::StartError;
use uuid::Uuid;

use super::revocation::purge_revocations;
use super::store::api_key_touch;
use crate::Identity;

const FLUSH_INTERVAL: Duration = Duration::from_secs(10);
const FLUSHES_PER_PURGE: u32 = 360;
const KEYS_MAX: usize = 100_000;

/// Uses that are not written yet.
#[derive(Default)]
pub(crate) struct Usage(Mutex<BTreeMap<ApiKeyId, Timestamp>>);

impl Usage {
    /// Records a use. Beyond a hundred thousand keys in one interval, uses of further keys are not recorded.
    pub(crate) fn record(&self, key: ApiKeyId, at: Timestamp) {
        let mut uses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if uses.len() < KEYS_MAX || uses.contains_key(&key) {
            uses.insert(key, at);
        }
    }

    fn take(&self) -> BTreeMap<ApiKeyId, Timestamp> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The task that writes uses every ten seconds and deletes old revocations every hour.
pub(crate) async fn write_usage(app: Identity) -> Result<(), StartError> {
    let mut flushes = 0_u32;
    while !app.context.shutdown.is_cancelled() {
        tokio::select! {
            () = app.context.shutdown.cancelled() => {}
            () = tokio::time::sleep(FLUSH_INTERVAL) => {}
        }
        if let Err(fault) = flush(&app).await {
            tracing::warn!(cause = fault.chain(), "the last use of some keys was not written");
        }
        if flushes.is_multiple_of(FLUSHES_PER_PURGE)
            && let Err(fault) = purge_revocations(&app).await
        {
            tracing::warn!(cause = fault.chain(), "old revocations were not deleted");
        }
        flushes = flushes.wrapping_add(1);
    }
    Ok(())
}

/// Writes the recorded uses.
pub(super) async fn flush(app: &Identity) -> Result<(), Fault> {
    let (keys, used_at): (Vec<Uuid>, Vec<Timestamp>) = app.usage.take().into_iter().map(|(key, at)| (key.uuid(), at)).unzip();
    if keys.is_empty() {
        return Ok(());
    }
    let mut tx = app.db.system().await?;
    api_key_touch(&mut tx, &keys, &used_at).await?;
    tx.commit().await
}
