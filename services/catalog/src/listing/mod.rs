//! The listing projection: one finished list item for each product and channel, and one entry for each list that it is in.
//! What it must hold is defined once, in SQL (`migrations/catalog/0103_listing.sql`); every write of a product refreshes its
//! listings in the same transaction.

mod etag_cache;
mod lock;
mod model;
mod refresh;
mod store;

pub(crate) use etag_cache::{ListEtagCache, etag_of};
pub(crate) use lock::{product_lock, topology_change, topology_share};
pub(crate) use model::{ProductInventory, ProductListItem};
pub(crate) use refresh::{Scope, TIMER, refresh_remaining, refresh_scope};
pub(crate) use store::{
    listing_differences, listing_doc, listing_orphans, listing_refresh, listing_refresh_stock, product_ids, variant_products,
};
