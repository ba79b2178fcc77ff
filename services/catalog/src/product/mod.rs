//! The product with its variants: one aggregate with one version, one lock (the product row) and one event.

mod create;
mod get;
mod list;
mod membership;
mod model;
mod options;
mod routes;
mod save;
mod sellable;
mod store;
#[cfg(test)]
mod tests;
mod variant;
mod variant_routes;

pub(crate) use membership::{product_collection_put, product_collection_remove};
pub(crate) use model::{CATEGORIES_MAX, CHANNELS_MAX, COLLECTIONS_MAX, Product, ProductCreate, ProductStatus};
pub(crate) use options::{MEDIA_MAX, Media, OPTIONS_MAX, ProductOption};
pub(crate) use routes::routes;
pub(crate) use sellable::{SellableRow, sellable_list};
pub(crate) use store::{product_export, product_find, product_load, product_touch, product_write};
pub(crate) use variant::{VARIANTS_MAX, Variant, VariantCreate, VariantUpdate};
pub(crate) use variant_routes::routes as variant_routes;
