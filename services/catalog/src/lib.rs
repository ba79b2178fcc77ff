//! The catalogue: what is for sale, how it is arranged, and where it is shown.
//!
//! | folder | what it is |
//! |---|---|
//! | `product` | products with their variants; the product list |
//! | `product_type` | which attributes products have |
//! | `category`, `collection` | how products are arranged: the tree, and lists by hand |
//! | `channel` | ways to sell: currency, price basis, locations |
//! | `listing` | the projection behind the product list; its locks, its refresh, its cache of `ETag`s |
//! | `replica` | copies of what pricing and inventory publish |
//! | `import` | bulk import: spool, apply, push |
//!
//! A product list is served by `product/list/mod.rs`: it reads one range of one index of `listing_entry` and joins finished
//! documents of `listing`. The content of `listing` is defined once, in SQL (`migrations/catalog/0103_listing.sql`). Every write
//! refreshes it in its own transaction; prices and stock arrive as events (`consumers`).
//!
//! Dependencies: import → collection, product, category → channel, product type → listing, replica. Locks are taken in one
//! order (`listing/lock.rs`). Absent by design: the calculation of prices and stock levels.

mod category;
mod channel;
mod checks;
mod clients;
mod collection;
mod consumers;
mod error;
mod grpc;
mod import;
mod keyset;
mod listing;
mod product;
mod product_type;
mod replica;
#[cfg(test)]
mod tests;
mod validator;
mod values;

use std::sync::Arc;

use bloom_contract_catalog::catalog_server::CatalogServer;
use bloom_contract_inventory::inventory_client::InventoryClient;
use bloom_contract_pricing::PricingClient;
use bloom_db::{Db, TenantTx};
pub(crate) use bloom_fleet::permission::{CatalogRead, CatalogWrite};
use bloom_runtime::{Peer, ServiceContext, StartError};
use bloom_web::{Definition, Service, Start};
use sqlx::migrate::Migrator;

use crate::channel::ChannelCache;
use crate::grpc::Grpc;
use crate::listing::ListEtagCache;

/// Name of the service.
pub const NAME: &str = "catalog";

/// Its tables.
pub static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations/catalog");

/// How a process starts it.
pub const SERVICE: Definition = Definition::new(NAME, &MIGRATIONS, error::CONSTRAINTS, start);

/// The state of handlers, timers and consumers. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Catalog {
    pub(crate) db: Db,
    pub(crate) context: ServiceContext,
    pub(crate) channels: ChannelCache,
    pub(crate) list_etags: Arc<ListEtagCache>,
    pub(crate) pricing: PricingClient,
    pub(crate) inventory: InventoryClient<Peer>,
}

impl Catalog {
    fn new(context: ServiceContext, db: Db) -> Self {
        Self {
            channels: ChannelCache::new(db.clone()),
            list_etags: Arc::default(),
            pricing: PricingClient::new(&context),
            inventory: InventoryClient::new(context.peers.get("inventory")),
            db,
            context,
        }
    }

    /// The transaction changes what the tenant's product lists show.
    pub(crate) fn lists_changed(&self, tx: &mut TenantTx) {
        let (etags, tenant) = (self.list_etags.clone(), tx.tenant());
        tx.after_commit(move || etags.invalidate(tenant));
    }

    /// The transaction changes the tenant's channels.
    pub(crate) fn channels_changed(&self, tx: &mut TenantTx) {
        let (channels, tenant) = (self.channels.clone(), tx.tenant());
        tx.after_commit(move || channels.invalidate(tenant));
        self.lists_changed(tx);
    }
}

fn start(start: Start) -> Result<Service, StartError> {
    let app = Catalog::new(start.context.clone(), start.db.clone());
    Ok(start
        .service(app.clone())
        .routes([
            channel::routes(),
            product_type::routes(),
            category::routes(),
            collection::routes(),
            product::routes(),
            product::variant_routes(),
            import::routes(),
        ])
        .grpc(CatalogServer::new(Grpc(app)))
        .consume("catalog.listing", consumers::LISTING_KINDS, consumers::update_listing)
        .timer(listing::TIMER, listing::refresh_remaining)
        .timer(import::TIMER, import::run_import)
        .timer(import::DELETE_TIMER, import::delete_import)
        .export(channel::channel_export)
        .export(product_type::product_type_export)
        .export(category::category_export)
        .export(collection::collection_export)
        .export(product::product_export)
        .export(replica::variant_replica_export)
        .check("listing_equals_sources", checks::listing_differs)
        .build())
}
