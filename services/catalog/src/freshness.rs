//! What makes a 304 cheap: for a moment this process remembers which `ETag` a list had, so that the same question with the
//! same `If-None-Match` needs no database. A change made through this process is seen at once; one made elsewhere
//! within [`MEMORY`].

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use bloom_kernel::TenantId;
use moka::future::Cache;
use sha2::{Digest as _, Sha256};

/// Longest time that an answer from another process may be missed.
const MEMORY: Duration = Duration::from_millis(500);
const LISTS_MAX: u64 = 50_000;

/// Which list was asked for, in which state of the tenant.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ListKey([u8; 32]);

/// See the module.
pub struct Freshness {
    /// Counts the changes of each tenant that this process has seen.
    changes: RwLock<HashMap<TenantId, u64>>,
    tags: Cache<ListKey, String>,
}

impl Default for Freshness {
    fn default() -> Self {
        let tags = Cache::builder().max_capacity(LISTS_MAX).time_to_live(MEMORY).build();
        Self { changes: RwLock::default(), tags }
    }
}

impl Freshness {
    /// Notes that something of a tenant has changed.
    pub fn changed(&self, tenant: TenantId) {
        *self.changes.write().unwrap_or_else(PoisonError::into_inner).entry(tenant).or_default() += 1;
    }

    /// The key of a list as the tenant stands now. Take it before the list is read.
    pub fn key(&self, tenant: TenantId, parts: &[&[u8]]) -> ListKey {
        let change = self.changes.read().unwrap_or_else(PoisonError::into_inner).get(&tenant).copied().unwrap_or_default();
        let mut hash = Sha256::new();
        hash.update(tenant.uuid().as_bytes());
        hash.update(change.to_be_bytes());
        for part in parts {
            hash.update(part.len().to_be_bytes());
            hash.update(part);
        }
        ListKey(hash.finalize().into())
    }

    /// The `ETag` that the list had a moment ago.
    pub async fn tag(&self, key: &ListKey) -> Option<String> {
        self.tags.get(key).await
    }

    /// Remembers the `ETag` of a list just read.
    pub async fn remember(&self, key: ListKey, tag: String) {
        self.tags.insert(key, tag).await;
    }
}

/// The `ETag` of a body: a digest of it.
pub fn tag_of(body: &str) -> String {
    let digest = Sha256::digest(body);
    let mut tag = String::with_capacity(34);
    tag.push('"');
    for byte in &digest[..16] {
        tag.push(char::from(b"0123456789abcdef"[usize::from(byte >> 4)]));
        tag.push(char::from(b"0123456789abcdef"[usize::from(byte & 15)]));
    }
    tag.push('"');
    tag
}
