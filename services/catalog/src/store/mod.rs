//! SQL, one statement a function, named `noun_verb`. Row-level security adds the tenant to every condition.

pub mod category;
pub mod channel;
pub mod collection;
pub mod heard;
pub mod import;
pub mod list;
pub mod listing;
pub mod product;
pub mod product_place;
pub mod product_type;
pub mod sellable;

use bloom_kernel::TenantId;
use uuid::Uuid;

/// A place in a list by tenant and id. Within a tenant's own connection there is only that tenant.
#[derive(Clone, Copy, Debug)]
pub struct After {
    /// Tenant of the last row seen.
    pub tenant: TenantId,
    /// Id of the last row seen; nil before the first.
    pub id: Uuid,
}

impl After {
    /// Behind a row of a tenant, or before its first.
    pub fn new(tenant: TenantId, id: Option<impl Into<Uuid>>) -> Self {
        Self { tenant, id: id.map_or(Uuid::nil(), Into::into) }
    }
}

/// Typed ids as the database knows them.
pub fn uuids<T: Copy + Into<Uuid>>(ids: &[T]) -> Vec<Uuid> {
    ids.iter().map(|id| (*id).into()).collect()
}
