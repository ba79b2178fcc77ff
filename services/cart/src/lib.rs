//! Carts and delivery options: what a buyer gathers before buying.
//!
//! | module | what it is |
//! |---|---|
//! | [`domain`] | the cart, its prices and problems, delivery charges: what is legal; nothing here waits or asks |
//! | [`ops`] | one use case a file; each owns its transaction |
//! | [`store`] | SQL, one statement a function |
//! | [`http`], [`grpc`] | the public door, and what the purchase saga asks |
//! | [`events`] | exports and checks |
//! | [`token`] | the secret of a guest's cart |
//!
//! Absent by design: stock and prices of its own. A cart asks catalogue, pricing and inventory once each per write, before
//! its transaction begins, and stores what it was told; a checkout asks again.

pub mod config;
pub mod domain;
pub mod events;
pub mod grpc;
pub mod http;
pub mod ops;
pub mod store;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use bloom_contract_cart::cart_server::CartServer;
use bloom_contract_catalog::catalog_client::CatalogClient;
use bloom_contract_inventory::inventory_client::InventoryClient;
use bloom_contract_pricing::pricing_client::PricingClient;
use bloom_db::Db;
use bloom_events::{Bus, Events};
use bloom_runtime::{Peer, ServiceContext, StartError};
use bloom_web::Definition;
use bloom_web::Service;
use bloom_web::page::Cursors;
use sqlx::migrate::Migrator;

use crate::config::Config;

/// Name of the service.
pub const NAME: &str = "cart";

/// Its tables.
pub static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations/cart");

/// How a process starts it.
pub const SERVICE: Definition = Definition {
    name: NAME,
    migrations: &MIGRATIONS,
    constraints: &[],
    settings: <Config as clap::Args>::augment_args,
    start: |start| service(start.config()?, start.context, start.db, start.bus),
};

/// What handlers and operations are handed. Cheap to clone.
#[derive(Clone)]
pub struct CartService {
    /// The database.
    pub db: Db,
    /// Clock, entropy, keys.
    pub host: ServiceContext,
    /// Settings.
    pub config: Config,
    pub(crate) cursors: Arc<Cursors>,
    pub(crate) catalog: CatalogClient<Peer>,
    pub(crate) pricing: PricingClient<Peer>,
    pub(crate) inventory: InventoryClient<Peer>,
}

impl CartService {
    /// Puts it together.
    pub fn new(config: Config, host: ServiceContext, db: Db) -> Self {
        Self {
            cursors: Arc::new(Cursors::new(&host)),
            catalog: CatalogClient::new(host.peers.get("catalog")),
            pricing: PricingClient::new(host.peers.get("pricing")),
            inventory: InventoryClient::new(host.peers.get("inventory")),
            config,
            db,
            host,
        }
    }
}

/// The service, ready to run.
pub fn service(config: Config, host: ServiceContext, db: Db, bus: Bus) -> Result<Service, StartError> {
    let app = CartService::new(config, host.clone(), db.clone());
    let events = Events::new(NAME, host.clone(), db.clone(), bus)
        .timers([Arc::new(ops::expire_cart::ExpireCart(app.clone())) as _])
        .exports([Arc::new(events::Carts) as _, Arc::new(events::DeliveryOptions) as _])
        .checks([Arc::new(events::TotalsAreSums) as _]);
    let mut service = Service::new(NAME, host, db, http::routes(app.clone()));
    service.grpc = tonic::service::Routes::new(CartServer::new(grpc::Grpc(app))).add_service(events.platform());
    service.tasks = events.tasks();
    Ok(service)
}
