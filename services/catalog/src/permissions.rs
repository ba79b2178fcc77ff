//! The permissions that the service's handlers name.

use bloom_runtime::permissions;

permissions! {
    CatalogRead = "catalog:read",
    CatalogWrite = "catalog:write",
}
