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
//! Absent by design: a stored status that could be derived; a call to another service inside a transaction; a call to another service
//! whose id was not committed before it.

mod checkout;
pub mod checkout_saga;
mod checks;
mod clients;
pub mod config;
mod consumers;
mod detach;
mod error;
mod failure;
mod operation;
mod order;
mod settings;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use bloom_contract_cart::cart_client::CartClient;
use bloom_contract_inventory::inventory_client::InventoryClient;
use bloom_contract_payments::payments_client::PaymentsClient;
use bloom_db::Db;
pub(crate) use bloom_fleet::permission::{CheckoutsWrite, OrdersRead, OrdersWrite};
use bloom_runtime::{Peer, ServiceContext, StartError};
use bloom_web::{Definition, Service, Start};
use sqlx::migrate::Migrator;

use crate::config::Config;
use crate::order::OrderNumberAllocator;

/// The service's name.
pub const NAME: &str = "orders";

/// The service's migrations.
pub static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations/orders");

/// How a process starts it.
pub const SERVICE: Definition =
    Definition::new(NAME, &MIGRATIONS, error::CONSTRAINTS, start).settings(<Config as clap::Args>::augment_args);

/// What handlers, consumers and timers receive. Cheap to clone.
#[derive(Clone)]
pub struct Orders {
    db: Db,
    context: ServiceContext,
    config: Config,
    numbers: Arc<OrderNumberAllocator>,
    cart: CartClient<Peer>,
    inventory: InventoryClient<Peer>,
    payments: PaymentsClient<Peer>,
}

impl Orders {
    fn new(config: Config, context: ServiceContext, db: Db) -> Self {
        Self {
            numbers: Arc::default(),
            cart: CartClient::new(context.peers.get("cart")),
            inventory: InventoryClient::new(context.peers.get("inventory")),
            payments: PaymentsClient::new(context.peers.get("payments")),
            config,
            db,
            context,
        }
    }
}

fn start(start: Start) -> Result<Service, StartError> {
    let config = start.config()?;
    service(start, config)
}

fn service(start: Start, config: Config) -> Result<Service, StartError> {
    config.check()?;
    let app = Orders::new(config, start.context.clone(), start.db.clone());
    Ok(start
        .service(app)
        .routes([checkout_saga::routes(), checkout::routes(), order::routes(), order::fulfilment_routes(), settings::routes()])
        .consume("orders.payments", &["bloom.payments.payment.updated"], consumers::payment_updated)
        .timer(checkout::TIMER, checkout_saga::resume)
        .timer(checkout::PAYMENT_TIMER, checkout::sync_payment)
        .timer(operation::TIMER, order::resume_operation)
        .timer(order::EXPIRY_TIMER, order::expire)
        .export(order::order_export)
        .export(checkout::checkout_export)
        .check("one_order_per_checkout", checks::purchases_differ)
        .check("order_totals_are_sums", checks::totals_differ)
        .check("refused_shipments_stay", checks::refused_shipments)
        .check("ended_orders_hold_nothing", checks::ended_orders_with_money)
        .check_app("no_checkout_stuck", checks::checkouts_stuck)
        .check_app("order_operations_settled", checks::operations_unsettled)
        .build())
}
