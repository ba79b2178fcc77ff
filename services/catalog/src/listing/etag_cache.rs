//! Answers a 304 without the database: this process briefly remembers the `ETag` of a list for requests with the same
//! `If-None-Match`. A change made through this process invalidates the entry at once; a change made elsewhere is seen within
//! [`TTL`].

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bloom_kernel::TenantId;
use moka::sync::Cache;
use sha2::{Digest as _, Sha256};

/// The longest time before a change made by another process is seen.
const TTL: Duration = Duration::from_millis(500);
const LISTS_MAX: u64 = 50_000;
/// Tenants share counters: a change of one tenant invalidates the lists of the others with the same counter, too.
const COUNTERS: usize = 4096;

/// A list as requested, at a count of the tenant's changes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ListKey([u8; 32]);

/// See the module.
pub(crate) struct ListEtagCache {
    /// Counts of changes; [`ListEtagCache::counter`] maps a tenant to its counter.
    changes: Box<[AtomicU64]>,
    etags: Cache<ListKey, String>,
}

impl Default for ListEtagCache {
    fn default() -> Self {
        let etags = Cache::builder().max_capacity(LISTS_MAX).time_to_live(TTL).build();
        Self { changes: (0..COUNTERS).map(|_| AtomicU64::default()).collect(), etags }
    }
}

impl ListEtagCache {
    /// Invalidates the lists of a tenant.
    pub(crate) fn invalidate(&self, tenant: TenantId) {
        self.counter(tenant).fetch_add(1, Ordering::AcqRel);
    }

    /// The key of a list in the tenant's present state. Take it before the list is read.
    pub(crate) fn key(&self, tenant: TenantId, list: &[u8]) -> ListKey {
        let change = self.counter(tenant).load(Ordering::Acquire);
        let mut hash = Sha256::new();
        hash.update(tenant.uuid().as_bytes());
        hash.update(change.to_be_bytes());
        hash.update(list);
        ListKey(hash.finalize().into())
    }

    /// The last bits of a UUIDv7 are random.
    fn counter(&self, tenant: TenantId) -> &AtomicU64 {
        let [.., high, low] = tenant.uuid().into_bytes();
        &self.changes[usize::from(u16::from_be_bytes([high, low])) % COUNTERS]
    }

    /// The cached `ETag` of a list.
    pub(crate) fn get(&self, key: &ListKey) -> Option<String> {
        self.etags.get(key)
    }

    /// Caches the `ETag` of a list just read.
    pub(crate) fn insert(&self, key: ListKey, etag: String) {
        self.etags.insert(key, etag);
    }
}

/// The `ETag` of a body: a digest of it.
pub(crate) fn etag_of(body: &str) -> String {
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
