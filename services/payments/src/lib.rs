//! Payments: the money of a checkout, moved by a payment provider and booked in a double-entry ledger.
//!
//! | folder | what it is |
//! |---|---|
//! | `payment` | what a checkout pays: authorise, capture, void, refund, confirm; outcomes settled in any order |
//! | `operation` | one request to a provider, and what it books |
//! | `journal` | the ledger, read only |
//! | `connection` | how a tenant reaches its providers, secrets sealed |
//! | `notice` | the signed webhooks of providers |
//! | `provider` | the providers: what is sent, what is queried, what their replies mean |
//! | `grpc`, `checks` | the calls of orders; invariants |
//!
//! Absent by design: an open transaction during a request to the provider; a second request for an operation before the provider
//! has answered that it does not know the first; a changed row of the ledger, which the database itself refuses; a stored card
//! number or payer's token; a merchant's request that moves the money of an order.

pub mod config;

mod access;
mod checks;
mod connection;
mod error;
mod grpc;
mod journal;
mod notice;
mod operation;
mod payment;
mod provider;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use bloom_contract_payments::proto::payments_server::PaymentsServer;
use bloom_db::{Db, TenantTx};
use bloom_events::Bus;
use bloom_runtime::{ServiceContext, StartError};
use bloom_web::{Definition, Service, Start};
use sqlx::migrate::Migrator;

pub(crate) use bloom_fleet::permission::{PaymentsRead, PaymentsWrite};
pub use config::Config;

/// The service's name.
pub const NAME: &str = "payments";

/// The service's migrations.
pub static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations/payments");

/// How a process starts it.
pub const SERVICE: Definition =
    Definition::new(NAME, &MIGRATIONS, error::CONSTRAINTS, start).settings(<Config as clap::Args>::augment_args);

/// What every handler and operation receives. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Payments {
    db: Db,
    context: ServiceContext,
    providers: Arc<provider::Providers>,
    connections: connection::ConnectionCache,
    /// Where browsers reach this installation.
    public_url: Arc<str>,
    /// Where payment providers send their notices.
    notices_url: Arc<str>,
}

impl Payments {
    /// Cached connections are dropped after the commit of this transaction.
    fn connection_changed(&self, tx: &mut TenantTx) {
        let connections = self.connections.clone();
        tx.after_commit(move || connections.invalidate());
    }
}

fn start(start: Start) -> Result<Service, StartError> {
    let mut config: Config = start.config()?;
    config.sandbox_url = config.sandbox_url.or_else(|| start.address("sandbox-provider"));
    config.public_url = config.public_url.or_else(|| start.address("gateway"));
    wire(&config, start)
}

/// The service with these settings, for a test that starts it by hand.
pub fn service(config: &Config, context: ServiceContext, db: Db, bus: Bus) -> Result<Service, StartError> {
    wire(config, Start { context, db: db.constraints(error::CONSTRAINTS), bus, addresses: Arc::default() })
}

fn wire(config: &Config, start: Start) -> Result<Service, StartError> {
    let sandbox_url = config.sandbox_url.as_deref().unwrap_or("http://sandbox-provider:8080");
    let providers = provider::Providers::new(sandbox_url, config.provider_timeout())
        .map_err(|error| StartError::caused("the client of the payment providers could not be made", error))?;
    let public_url = config.public_url.as_deref().unwrap_or("http://127.0.0.1:8000");
    let notices_url: Arc<str> = config.webhook_url.as_deref().unwrap_or(public_url).into();
    let app = Payments {
        db: start.db.clone(),
        context: start.context.clone(),
        providers: Arc::new(providers),
        connections: connection::ConnectionCache::new(start.context.clone(), notices_url.clone()),
        public_url: public_url.into(),
        notices_url,
    };
    Ok(start
        .service(app.clone())
        .routes([connection::routes(), journal::routes(), payment::routes()])
        .plain(notice::routes().merge(payment::browser_routes()).with_state(app.clone()))
        .grpc(PaymentsServer::new(grpc::Grpc(app)))
        .timer(payment::RESOLVE, payment::resolve)
        .timer(payment::VOID, payment::void_waiting)
        .export(payment::payment_export)
        .export(connection::connection_export)
        .check("ledger_zero_sum", checks::ledger_unbalanced)
        .check("payments_match_ledger", checks::payments_differ)
        .check("one_journal_per_operation", checks::operations_differ)
        .build())
}
