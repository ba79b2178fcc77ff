//! What makes a 304 cheap: for a moment this process remembers which `ETag` a list had, so that the same question with the
//! same `If-None-Match` needs no database. A change made through this process is seen at once; one made elsewhere
//! within [`MEMORY`].

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bloom_kernel::TenantId;
use moka::future::Cache;
use sha2::{Digest as _, Sha256};

/// Longest time that an answer from another process may be missed.
const MEMORY: Duration = Duration::from_millis(500);
const LISTS_MAX: u64 = 50_000;
/// Tenants share counters: a change of one makes the lists of the others that share its counter be read once more.
const COUNTERS: usize = 4096;

/// Which list was asked for, in which state of the tenant.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ListKey([u8; 32]);

/// See the module.
pub struct Freshness {
    /// Counts the changes that this process has seen; each tenant has its place.
    changes: Box<[AtomicU64]>,
    tags: Cache<ListKey, String>,
}

impl Default for Freshness {
    fn default() -> Self {
        let tags = Cache::builder().max_capacity(LISTS_MAX).time_to_live(MEMORY).build();
        Self { changes: (0..COUNTERS).map(|_| AtomicU64::default()).collect(), tags }
    }
}

impl Freshness {
    /// Notes that something of a tenant has changed.
    pub fn changed(&self, tenant: TenantId) {
        self.counter(tenant).fetch_add(1, Ordering::AcqRel);
    }

    /// The key of a list as the tenant stands now. Take it before the list is read.
    pub fn key(&self, tenant: TenantId, parts: &[&[u8]]) -> ListKey {
        let change = self.counter(tenant).load(Ordering::Acquire);
        let mut hash = Sha256::new();
        hash.update(tenant.uuid().as_bytes());
        hash.update(change.to_be_bytes());
        for part in parts {
            hash.update(part.len().to_be_bytes());
            hash.update(part);
        }
        ListKey(hash.finalize().into())
    }

    /// The last bits of a UUIDv7 are random.
    fn counter(&self, tenant: TenantId) -> &AtomicU64 {
        let [.., high, low] = tenant.uuid().into_bytes();
        &self.changes[usize::from(u16::from_be_bytes([high, low])) % COUNTERS]
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
