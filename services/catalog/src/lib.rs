//! The catalogue: what is for sale, how it is arranged, and where it is shown.
//!
//! | module | what it is |
//! |---|---|
//! | [`domain`] | products, variants, attributes, categories, collections, channels, imports: what is legal |
//! | [`ops`] | one use case a file; each owns its transaction |
//! | [`store`] | SQL, one statement a function |
//! | [`http`], [`grpc`] | the public door, and what other services ask |
//! | [`events`] | what others are told, and the consumer behind the listing projection |
//! | [`channels`], [`freshness`] | the two things that a process remembers for a moment |
//!
//! The way of a list: `http/products.rs` → `ops/list_products.rs` → `store/list.rs`, one range of one index of
//! `listing_entry`, finished documents from `listing`. What `listing` holds is defined once, in SQL
//! (`migrations/catalog/0103_listing.sql`); every write refreshes it in its own transaction, prices and stock arrive as
//! events.
//!
//! Locks are taken in one order: topology (shared by those who write products, exclusive for those who change channels,
//! locations or the tree), then product rows by id. Nothing here knows what a price or a stock level is made of.

pub mod channels;
pub mod domain;
mod error;
pub mod events;
pub mod freshness;
pub mod grpc;
pub mod http;
pub mod ops;
pub mod store;
#[cfg(test)]
mod tests;

use std::sync::Arc;

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

use crate::channels::Channels;
use crate::freshness::Freshness;

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

/// What handlers and operations are handed. Cheap to clone.
#[derive(Clone)]
pub struct Catalog {
    /// The database.
    pub db: Db,
    /// Clock, entropy, keys.
    pub host: ServiceContext,
    pub(crate) cursors: Arc<Cursors>,
    pub(crate) channels: Channels,
    pub(crate) freshness: Arc<Freshness>,
    pub(crate) pricing: PricingClient<Peer>,
    pub(crate) inventory: InventoryClient<Peer>,
}

impl Catalog {
    /// Puts it together.
    pub fn new(host: ServiceContext, db: Db) -> Self {
        Self {
            cursors: Arc::new(Cursors::new(&host)),
            channels: Channels::new(db.clone()),
            freshness: Arc::default(),
            pricing: PricingClient::new(host.peers.get("pricing")),
            inventory: InventoryClient::new(host.peers.get("inventory")),
            db,
            host,
        }
    }
}

/// The service, ready to run.
pub fn service(host: ServiceContext, db: Db, bus: Bus) -> Result<Service, StartError> {
    let app = Catalog::new(host.clone(), db.clone());
    let events = Events::new(NAME, host.clone(), db.clone(), bus)
        .handlers([Arc::new(events::heard::Listing { host: host.clone(), freshness: app.freshness.clone() }) as _])
        .timers(events::timers::all(&app))
        .exports(events::exports::all())
        .checks(events::checks::all(&app));
    let mut service = Service::new(NAME, host, db, http::routes().with_state(app.clone()));
    service.grpc = tonic::service::Routes::new(CatalogServer::new(grpc::Grpc(app))).add_service(events.platform());
    service.tasks = events.tasks();
    Ok(service)
}
