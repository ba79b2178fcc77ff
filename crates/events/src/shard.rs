//! Virtual shards: the unit that one relay owns at a time and within which events are ordered.

use bloom_kernel::TenantId;

/// Number of shards. Stored with every event, so it never changes.
pub const SHARDS: usize = 16;

/// The last published (or applied) position of every shard.
pub type Positions = [i64; SHARDS];

/// The shard of an aggregate. The result is stored, so the function never changes either.
pub fn shard_of(tenant: TenantId, aggregate: &str) -> i16 {
    let mut hash = crc32fast::Hasher::new();
    hash.update(tenant.uuid().as_bytes());
    hash.update(aggregate.as_bytes());
    i16::try_from(hash.finalize() % 16).unwrap_or_default()
}

/// The index of a stored shard number in [`Positions`].
pub(crate) fn index(shard: i16) -> usize {
    usize::try_from(shard).unwrap_or_default() % SHARDS
}
