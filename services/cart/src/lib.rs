//! Carts and delivery options: what a buyer collects before a purchase.
//!
//! | folder | what it is |
//! |---|---|
//! | `cart` | a cart: create, change, price, freeze and unfreeze for a checkout, complete, expire |
//! | `delivery_option` | a way to deliver, with its table of charges |
//! | `clients` | what catalog, pricing and inventory answer |
//!
//! Uses point one way: `cart` → `delivery_option` → `clients`. This service publishes
//! `cart.created|updated|frozen|unfrozen|completed|deleted` and `delivery_option.created|updated`, and consumes nothing.
//!
//! Absent by design: stock and prices of its own. A write of a cart asks catalog, pricing and inventory once each before its
//! transaction begins, and stores their answers; a checkout asks again.

mod card;
mod cart;
mod checks;
mod clients;
mod config;
mod delivery_option;
mod error;
mod exports;
mod grpc;
mod patch;
mod permissions;
mod tax;
#[cfg(test)]
mod tests;
mod timers;

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

pub use crate::config::Config;

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

/// The state that every handler receives. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Carts {
    pub(crate) db: Db,
    pub(crate) host: ServiceContext,
    pub(crate) config: Config,
    pub(crate) cursors: Arc<Cursors>,
    pub(crate) catalog: CatalogClient<Peer>,
    pub(crate) pricing: PricingClient<Peer>,
    pub(crate) inventory: InventoryClient<Peer>,
}

impl Carts {
    pub(crate) fn new(config: Config, host: ServiceContext, db: Db) -> Self {
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
    let app = Carts::new(config, host.clone(), db.clone());
    let events = Events::new(NAME, host.clone(), db.clone(), bus)
        .timers([Arc::new(timers::ExpireCart(app.clone())) as _])
        .exports([Arc::new(exports::Carts) as _, Arc::new(exports::DeliveryOptions) as _])
        .checks([Arc::new(checks::TotalsAreSums) as _]);
    let routes = cart::routes().merge(delivery_option::routes());
    let mut service = Service::new(NAME, host, db, routes.with_state(app.clone()));
    service.grpc = tonic::service::Routes::new(CartServer::new(grpc::Grpc(app))).add_service(events.platform());
    service.tasks = events.tasks();
    Ok(service)
}
