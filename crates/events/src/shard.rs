//! Virtual shards: what one relay at a time owns, and what order is kept within.

use bloom_kernel::TenantId;

/// How many there are. Stored with every event, so it never changes.
pub const SHARDS: usize = 16;

/// The last published (or applied) position of every shard.
pub type Positions = [i64; SHARDS];

/// The shard of an aggregate. Stored, so the function never changes either.
pub fn shard_of(tenant: TenantId, aggregate: &str) -> i16 {
    let mut hash = crc32fast::Hasher::new();
    hash.update(tenant.uuid().as_bytes());
    hash.update(aggregate.as_bytes());
    i16::try_from(hash.finalize() % 16).unwrap_or_default()
}

/// The place of a stored shard number in [`Positions`].
pub(crate) fn index(shard: i16) -> usize {
    usize::try_from(shard).unwrap_or_default() % SHARDS
}
