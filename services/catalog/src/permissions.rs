//! The permissions that the service's handlers name.

use bloom_web::permissions;

permissions! {
    CatalogRead = "catalog:read",
    CatalogWrite = "catalog:write",
}
