//! The catalogue: what is for sale, how it is arranged, and where it is shown.
//!
//! | folder | what it is |
//! |---|---|
//! | `product` | products with their variants; the product list |
//! | `product_type` | which attributes products have |
//! | `category`, `collection` | how products are arranged: the tree, and lists by hand |
//! | `channel` | ways to sell: currency, price basis, locations |
//! | `listing` | the projection behind the product list; its locks, its refresh, its ETag cache |
//! | `replica` | copies of what pricing and inventory publish |
//! | `import` | bulk import: spool, apply, push |
//!
//! A product list: `product/list/mod.rs` reads one range of one index of `listing_entry` and joins finished documents of
//! `listing`. What `listing` holds is defined once, in SQL (`migrations/catalog/0103_listing.sql`); every write refreshes it in
//! its own transaction, prices and stock arrive as events (`consumers`).
//!
//! Dependencies: import → collection, product, category → channel, product type → listing, replica. Locks are taken in one
//! order (`listing/lock.rs`). Absent by design: how a price or a stock level comes about.

mod category;
mod channel;
mod checks;
mod clients;
mod collection;
mod consumers;
mod error;
mod exports;
mod grpc;
mod import;
mod keyset;
mod listing;
mod merge_patch;
mod permissions;
mod product;
mod product_type;
mod replica;
#[cfg(test)]
mod tests;
mod timers;
mod validator;

use std::sync::Arc;

use aide::axum::ApiRouter;
use bloom_contract_catalog::catalog_server::CatalogServer;
use bloom_contract_inventory::inventory_client::InventoryClient;
use bloom_contract_pricing::pricing_client::PricingClient;
use bloom_db::Db;
use bloom_events::{Bus, Events};
use bloom_runtime::{Peer, ServiceContext, StartError};
use bloom_web::Definition;
use bloom_web::Service;
use bloom_web::page::Cursors;
use sqlx::migrate::Migrator;

use crate::channel::ChannelCache;
use crate::listing::ListEtagCache;

/// Name of the service.
pub const NAME: &str = "catalog";

/// Its tables.
pub static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations/catalog");

/// How a process starts it.
pub const SERVICE: Definition = Definition {
    name: NAME,
    migrations: &MIGRATIONS,
    constraints: &[],
    settings: std::convert::identity,
    start: |start| service(start.context, start.db, start.bus),
};

/// The state of handlers, timers and consumers. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Catalog {
    pub(crate) db: Db,
    pub(crate) host: ServiceContext,
    pub(crate) cursors: Arc<Cursors>,
    pub(crate) channels: ChannelCache,
    pub(crate) list_etags: Arc<ListEtagCache>,
    pub(crate) pricing: PricingClient<Peer>,
    pub(crate) inventory: InventoryClient<Peer>,
}

impl Catalog {
    fn new(host: ServiceContext, db: Db) -> Self {
        Self {
            cursors: Arc::new(Cursors::new(&host)),
            channels: ChannelCache::new(db.clone()),
            list_etags: Arc::default(),
            pricing: PricingClient::new(host.peers.get("pricing")),
            inventory: InventoryClient::new(host.peers.get("inventory")),
            db,
            host,
        }
    }
}

/// The service, ready to run.
#[cfg_attr(not(test), expect(clippy::unused_async, reason = "every service is put together by an async function"))]
pub async fn service(host: ServiceContext, db: Db, bus: Bus) -> Result<Service, StartError> {
    let app = Catalog::new(host.clone(), db.clone());
    let listing = consumers::ListingConsumer { host: host.clone(), list_etags: app.list_etags.clone() };
    let events = Events::new(NAME, host.clone(), db.clone(), bus)
        .handlers([Arc::new(listing) as _])
        .timers(timers::all(&app))
        .exports(exports::all())
        .checks(checks::all(&app));
    let mut service = Service::new(NAME, host, db, routes().with_state(app.clone()));
    service.grpc = tonic::service::Routes::new(CatalogServer::new(grpc::Grpc(app))).add_service(events.platform());
    service.tasks = events.tasks();
    Ok(service)
}

fn routes() -> ApiRouter<Catalog> {
    ApiRouter::new()
        .merge(channel::routes())
        .merge(product_type::routes())
        .merge(category::routes())
        .merge(collection::routes())
        .merge(product::routes())
        .merge(product::variant_routes())
        .merge(import::routes())
}
