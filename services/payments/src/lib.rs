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
//! | `grpc`, `timers`, `exports`, `checks` | calls of orders, scheduled queries and voids, state, invariants |
//!
//! Absent by design: a transaction that is open while a provider is asked; a second request for an operation before the
//! provider has answered that it does not know the first; a row of the ledger that is changed, which the database itself
//! refuses; a card number or a payer's token that is stored; a merchant's request that moves the money of an order.

pub mod config;

mod access;
mod checks;
mod connection;
mod error;
mod exports;
mod grpc;
mod journal;
mod notice;
mod operation;
mod payment;
mod provider;
mod timers;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use bloom_events::check::Check;
use bloom_events::export::Export;
use bloom_events::timer::TimerHandler;
use bloom_events::{Bus, Events};
use bloom_process::Definition;
use bloom_proto_payments::payments_server::PaymentsServer;
use bloom_runtime::http::page::Cursors;
use bloom_runtime::{Db, Host, Service, StartError};
use sqlx::migrate::Migrator;

pub use config::Config;

/// Name of the service.
pub const NAME: &str = "payments";

/// Its schema.
pub static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations/payments");

/// What every handler and operation uses.
#[derive(Clone)]
pub(crate) struct Payments {
    db: Db,
    host: Host,
    providers: Arc<provider::Providers>,
    connections: connection::ConnectionCache,
    cursors: Arc<Cursors>,
    /// Where browsers reach this installation.
    public_url: Arc<str>,
    /// Where payment providers send their notices.
    notices_url: Arc<str>,
}

/// How a process starts it.
pub const SERVICE: Definition = Definition {
    name: NAME,
    migrations: &MIGRATIONS,
    settings: <Config as clap::Args>::augment_args,
    start: |start| {
        Box::pin(async move {
            let mut config: Config = start.config()?;
            config.sandbox_url = config.sandbox_url.or_else(|| start.address("sandbox-provider"));
            config.public_url = config.public_url.or_else(|| start.address("gateway"));
            service(&config, start.host, start.db, start.bus)
        })
    },
};

/// Puts the service together.
pub fn service(config: &Config, host: Host, db: Db, bus: Bus) -> Result<Service, StartError> {
    let sandbox_url = config.sandbox_url.as_deref().unwrap_or("http://sandbox-provider:8080");
    let providers = provider::Providers::new(sandbox_url, config.provider_timeout())
        .map_err(|error| StartError::caused("the client of the payment providers could not be made", error))?;
    let public_url = config.public_url.as_deref().unwrap_or("http://127.0.0.1:8000");
    let notices_url: Arc<str> = config.webhook_url.as_deref().unwrap_or(public_url).into();
    let app = Payments {
        db: db.clone(),
        host: host.clone(),
        providers: Arc::new(providers),
        connections: connection::ConnectionCache::new(host.clone(), notices_url.clone()),
        cursors: Arc::new(Cursors::new(&host)),
        public_url: public_url.into(),
        notices_url: notices_url.clone(),
    };
    let events = Events::new(NAME, host.clone(), db.clone(), bus)
        .timers([Arc::new(timers::Resolve(app.clone())) as Arc<dyn TimerHandler>, Arc::new(timers::Void(app.clone()))])
        .exports([Arc::new(exports::PaymentExport) as Arc<dyn Export>, Arc::new(exports::ConnectionExport { notices_url })])
        .checks([
            Arc::new(checks::LedgerZeroSum) as Arc<dyn Check>,
            Arc::new(checks::PaymentsMatchLedger),
            Arc::new(checks::OneJournalPerOperation),
        ]);
    let routes = connection::routes().merge(journal::routes()).merge(payment::routes()).with_state(app.clone());
    let mut service = Service::new(NAME, host, db, routes);
    service.plain = notice::routes().merge(payment::browser_routes()).with_state(app.clone());
    service.grpc = tonic::service::Routes::new(PaymentsServer::new(grpc::Grpc(app))).add_service(events.platform());
    service.tasks = events.tasks();
    Ok(service)
}
