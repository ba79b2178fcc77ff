//! Orders: the purchase of a cart, and what happens to an order after it.
//!
//! | folder | what it is |
//! |---|---|
//! | `checkout_saga` | the saga of a purchase: step → do → undo, and how it is resumed |
//! | `checkout` | one attempt to buy a cart, as its buyer sees it; the saga's state |
//! | `order` | what was bought, with its payment, fulfilments and refunds |
//! | `operation` | calls to other services that an order needs |
//! | `settings` | when money is captured, when an unpaid order expires |
//! | `clients` | the calls to other services |
//!
//! Absent by design: a status that is set although it follows from others; a call to another service inside a transaction; a call to
//! another service whose id was not committed before it.

mod checkout;
pub mod checkout_saga;
mod checks;
mod clients;
pub mod config;
mod consumers;
mod detach;
mod exports;
mod failure;
mod operation;
mod order;
mod permissions;
mod settings;
#[cfg(test)]
mod tests;
mod timers;

use std::sync::Arc;

use aide::axum::ApiRouter;
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
use crate::order::OrderNumberAllocator;

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

/// The state of handlers, consumers and timers. Cheap to clone.
#[derive(Clone)]
pub struct Orders {
    /// The database.
    pub db: Db,
    /// Clock, entropy, keys.
    pub host: ServiceContext,
    /// Settings.
    pub config: Config,
    pub(crate) cursors: Arc<Cursors>,
    pub(crate) numbers: Arc<OrderNumberAllocator>,
    pub(crate) cart: CartClient<Peer>,
    pub(crate) inventory: InventoryClient<Peer>,
    pub(crate) payments: PaymentsClient<Peer>,
}

impl Orders {
    /// The state on this database.
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
        .handlers([Arc::new(consumers::PaymentUpdated(app.clone())) as _])
        .timers([
            Arc::new(timers::ResumeCheckout(app.clone())) as _,
            Arc::new(timers::ResumeOperation(app.clone())) as _,
            Arc::new(timers::ExpireOrder(app.clone())) as _,
            Arc::new(timers::SyncPayment(app.clone())) as _,
        ])
        .exports([Arc::new(exports::OrderExport) as _, Arc::new(exports::CheckoutExport) as _])
        .checks([
            Arc::new(checks::OneOrderPerCheckout) as _,
            Arc::new(checks::TotalsAreSums) as _,
            Arc::new(checks::NoCheckoutStuck(app.clone())) as _,
            Arc::new(checks::OperationsSettled(app.clone())) as _,
            Arc::new(checks::RefusedShipmentsStay) as _,
            Arc::new(checks::EndedOrdersHoldNothing) as _,
        ]);
    let mut service = Service::new(NAME, host, db, routes(app));
    service.grpc = tonic::service::Routes::new(events.platform());
    service.tasks = events.tasks();
    Ok(service)
}

fn routes(app: Orders) -> ApiRouter<()> {
    checkout_saga::routes().merge(checkout::routes()).merge(order::routes()).merge(settings::routes()).with_state(app)
}
