//! Checkout and orders: the one saga of a purchase, and what happens to an order after it.
//!
//! | module | what it is |
//! |---|---|
//! | [`saga`] | the purchase: step → do → undo, and how it is taken up again |
//! | `neighbours` | the calls to other services |
//! | [`domain`] | checkouts, orders, parcels, refunds, statuses: what is legal; nothing here waits or asks |
//! | [`ops`] | one use case a file; each owns its transactions |
//! | [`store`] | SQL, one statement a function |
//! | [`http`] | the public door |
//! | [`events`] | what is consumed, exported and checked |
//!
//! Absent by design: a status that somebody sets although it follows from others; a call to another service inside a
//! transaction; a call to another service whose id was not committed before it.

pub mod config;
mod detach;
pub mod domain;
pub mod events;
pub mod http;
pub mod instructions;
mod neighbours;
pub mod numbers;
pub mod ops;
pub mod saga;
pub mod store;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use bloom_contract_cart::cart_client::CartClient;
use bloom_contract_inventory::inventory_client::InventoryClient;
use bloom_contract_payments::payments_client::PaymentsClient;
use bloom_db::Db;
use bloom_events::{Bus, Events};
use bloom_runtime::{Peer, ServiceContext, StartError};
use bloom_web::Definition;
use bloom_web::Service;
use bloom_web::page::Cursors;
use sqlx::migrate::Migrator;

use crate::config::Config;
use crate::numbers::Numbers;

/// Name of the service.
pub const NAME: &str = "orders";

/// Its tables.
pub static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations/orders");

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
pub struct Orders {
    /// The database.
    pub db: Db,
    /// Clock, entropy, keys.
    pub host: ServiceContext,
    /// Settings.
    pub config: Config,
    pub(crate) cursors: Arc<Cursors>,
    pub(crate) numbers: Arc<Numbers>,
    pub(crate) cart: CartClient<Peer>,
    pub(crate) inventory: InventoryClient<Peer>,
    pub(crate) payments: PaymentsClient<Peer>,
}

impl Orders {
    /// Puts it together.
    pub fn new(config: Config, host: ServiceContext, db: Db) -> Self {
        Self {
            cursors: Arc::new(Cursors::new(&host)),
            numbers: Arc::default(),
            cart: CartClient::new(host.peers.get("cart")),
            inventory: InventoryClient::new(host.peers.get("inventory")),
            payments: PaymentsClient::new(host.peers.get("payments")),
            config,
            db,
            host,
        }
    }
}

/// The service, ready to run.
pub fn service(config: Config, host: ServiceContext, db: Db, bus: Bus) -> Result<Service, StartError> {
    config.check()?;
    let app = Orders::new(config, host.clone(), db.clone());
    let events = Events::new(NAME, host.clone(), db.clone(), bus)
        .handlers([Arc::new(events::PaymentNews(app.clone())) as _])
        .timers([
            Arc::new(saga::CheckoutTimer(app.clone())) as _,
            Arc::new(ops::run_operation::OperationTimer(app.clone())) as _,
            Arc::new(ops::expire_order::ExpireOrder(app.clone())) as _,
            Arc::new(ops::sync_payment::SyncPayment(app.clone())) as _,
        ])
        .exports([Arc::new(events::OrderExport) as _, Arc::new(events::CheckoutExport) as _])
        .checks([
            Arc::new(events::OneOrderPerCheckout) as _,
            Arc::new(events::TotalsAreSums) as _,
            Arc::new(events::NoCheckoutStuck(app.clone())) as _,
            Arc::new(events::OperationsSettled(app.clone())) as _,
            Arc::new(events::RefusedParcelsStay) as _,
            Arc::new(events::EndedOrdersHoldNothing) as _,
        ]);
    let mut service = Service::new(NAME, host, db, http::routes(app));
    service.grpc = tonic::service::Routes::new(events.platform());
    service.tasks = events.tasks();
    Ok(service)
}
