//! Positions in lists that are ordered by tenant and id.

use bloom_events::ExportPage;
use bloom_kernel::TenantId;
use uuid::Uuid;

/// The last row that a caller has read. A tenant's own connection sees that tenant only.
#[derive(Clone, Copy, Debug)]
pub(crate) struct After {
    /// Tenant of the row.
    pub(crate) tenant: TenantId,
    /// Id of the row; nil before the first.
    pub(crate) id: Uuid,
}

impl After {
    /// After a row of a tenant, or before its first.
    pub(crate) fn new(tenant: TenantId, id: Option<impl Into<Uuid>>) -> Self {
        Self { tenant, id: id.map_or(Uuid::nil(), Into::into) }
    }

    /// The position of an export.
    pub(crate) fn of_export<I: Into<Uuid>>(page: ExportPage<I>) -> Self {
        let (tenant, id) = page.position();
        Self { tenant: TenantId::from_uuid(tenant), id }
    }

    /// Before the first row of the first tenant.
    pub(crate) fn start() -> Self {
        Self { tenant: TenantId::from_uuid(Uuid::nil()), id: Uuid::nil() }
    }
}

/// Typed ids as SQL parameters.
pub(crate) fn uuids<T: Copy + Into<Uuid>>(ids: &[T]) -> Vec<Uuid> {
    ids.iter().map(|id| (*id).into()).collect()
}
