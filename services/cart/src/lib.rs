//! Carts and delivery options: what a buyer collects before a purchase.
//!
//! | folder | what it is |
//! |---|---|
//! | `cart` | a cart: create, change, price, freeze and unfreeze for a checkout, complete, expire |
//! | `delivery_option` | a way to deliver, with its table of charges |
//! | `clients` | calls to catalog, pricing and inventory |
//!
//! Dependencies point one way: `cart` → `delivery_option` → `clients`. This service publishes
//! `cart.created|updated|frozen|unfrozen|completed|deleted` and `delivery_option.created|updated`, and consumes nothing.
//!
//! Absent by design: stock and prices of its own. A write of a cart calls catalog, pricing and inventory once each before its
//! transaction begins, and stores their replies; a checkout calls them again.

mod cart;
mod clients;
mod config;
mod delivery_option;
mod error;
mod grpc;
#[cfg(test)]
mod tests;

use bloom_contract_cart::cart_server::CartServer;
use bloom_contract_catalog::catalog_client::CatalogClient;
use bloom_contract_inventory::inventory_client::InventoryClient;
use bloom_contract_pricing::pricing_client::PricingClient;
use bloom_db::Db;
use bloom_runtime::{Peer, ServiceContext, StartError};
use bloom_web::{Definition, Service, Start};
use sqlx::migrate::Migrator;

pub use crate::config::Config;
pub(crate) use bloom_fleet::permission::{CartsWrite, DeliveryOptionsWrite};

/// Name of the service.
pub const NAME: &str = "cart";

/// Its tables.
pub static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations/cart");

/// How a process starts it.
pub const SERVICE: Definition =
    Definition::new(NAME, &MIGRATIONS, error::CONSTRAINTS, start).settings(<Config as clap::Args>::augment_args);

/// The state that every handler receives. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Carts {
    pub(crate) db: Db,
    pub(crate) context: ServiceContext,
    pub(crate) config: Config,
    pub(crate) catalog: CatalogClient<Peer>,
    pub(crate) pricing: PricingClient<Peer>,
    pub(crate) inventory: InventoryClient<Peer>,
}

impl Carts {
    pub(crate) fn new(config: Config, context: ServiceContext, db: Db) -> Self {
        Self {
            catalog: CatalogClient::new(context.peers.get("catalog")),
            pricing: PricingClient::new(context.peers.get("pricing")),
            inventory: InventoryClient::new(context.peers.get("inventory")),
            config,
            db,
            context,
        }
    }
}

fn start(start: Start) -> Result<Service, StartError> {
    let app = Carts::new(start.config()?, start.context.clone(), start.db.clone());
    Ok(start
        .service(app.clone())
        .routes([cart::routes(), delivery_option::routes()])
        .grpc(CartServer::new(grpc::Grpc(app)))
        .timer(cart::EXPIRY_TIMER, cart::expire)
        .export(cart::cart_export)
        .export(delivery_option::delivery_option_export)
        .check("cart_totals_are_sums", cart::carts_with_wrong_total)
        .build())
}
