//! The catalogue's REST surface, one file a resource.

mod categories;
mod channels;
mod collections;
mod imports;
mod product_types;
mod products;
mod variants;

use aide::axum::ApiRouter;
use bloom_web::permissions;

use crate::Catalog;

permissions! {
    CatalogRead = "catalog:read",
    CatalogWrite = "catalog:write",
}

/// All routes.
pub fn routes() -> ApiRouter<Catalog> {
    ApiRouter::new()
        .merge(channels::routes())
        .merge(product_types::routes())
        .merge(categories::routes())
        .merge(collections::routes())
        .merge(products::routes())
        .merge(variants::routes())
        .merge(imports::routes())
}
