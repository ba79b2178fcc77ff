//! Payments: the money of a checkout, moved by a provider, booked twice.
//!
//! | module | what it is |
//! |---|---|
//! | [`domain`] | payment, operation, ledger: guards and transitions, pure |
//! | `ops` | one use case a file |
//! | [`provider`] | what is sent to and asked of payment providers |
//! | [`connections`] | how a tenant reaches its providers, secrets opened |
//! | [`store`] | SQL |
//! | `http`, `grpc` | REST for merchants and providers, gRPC for orders |
//! | `events`, `timers`, `check` | what is published, what happens by itself, what must hold |
//!
//! Absent by design: no transaction is open while a provider is asked; nothing is asked of a provider twice before it has
//! said that it never saw it; no row of the ledger is ever changed, which the database itself refuses; no card number and
//! no payer's token is kept.

pub mod config;
pub mod connections;
pub mod domain;
pub mod provider;
pub mod shape;
pub mod store;

mod check;
mod error;
mod events;
mod grpc;
mod http;
mod ops;
mod timers;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use bloom_contract_payments::payments_server::PaymentsServer;
use bloom_db::Db;
use bloom_events::check::Check;
use bloom_events::export::Export;
use bloom_events::timer::TimerHandler;
use bloom_events::{Bus, Events};
use bloom_runtime::{ServiceContext, StartError};
use bloom_web::Definition;
use bloom_web::Service;
use bloom_web::page::Cursors;
use sqlx::migrate::Migrator;

pub use config::Config;

/// Name of the service.
pub const NAME: &str = "payments";

/// Its schema.
pub static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations/payments");

/// What every handler and operation is given.
#[derive(Clone)]
pub struct Payments {
    /// The database.
    pub db: Db,
    /// Time, ids, keys.
    pub host: ServiceContext,
    /// Payment providers.
    pub providers: Arc<provider::Providers>,
    /// Connections with their secrets opened.
    pub connections: connections::Connections,
    /// Cursors of lists.
    pub cursors: Arc<Cursors>,
    /// Where browsers reach this installation.
    pub public_url: Arc<str>,
    /// Where payment providers reach it with their notices.
    pub notices_url: Arc<str>,
}

/// How a process starts it.
pub const SERVICE: Definition = Definition {
    name: NAME,
    migrations: &MIGRATIONS,
    constraints: &[],
    settings: <Config as clap::Args>::augment_args,
    start: |start| {
        let mut config: Config = start.config()?;
        config.sandbox_url = config.sandbox_url.or_else(|| start.address("sandbox-provider"));
        config.public_url = config.public_url.or_else(|| start.address("gateway"));
        service(&config, start.context, start.db, start.bus)
    },
};

/// Puts the service together.
pub fn service(config: &Config, host: ServiceContext, db: Db, bus: Bus) -> Result<Service, StartError> {
    let sandbox_url = config.sandbox_url.as_deref().unwrap_or("http://sandbox-provider:8080");
    let providers = provider::Providers::new(sandbox_url, config.provider_timeout())
        .map_err(|error| StartError::caused("the client of the payment providers could not be made", error))?;
    let public_url = config.public_url.as_deref().unwrap_or("http://127.0.0.1:8000");
    let app = Payments {
        db: db.clone(),
        host: host.clone(),
        providers: Arc::new(providers),
        connections: connections::Connections::new(host.clone()),
        cursors: Arc::new(Cursors::new(&host)),
        public_url: public_url.into(),
        notices_url: config.webhook_url.as_deref().unwrap_or(public_url).into(),
    };
    let notices_url = app.notices_url.clone();
    let events = Events::new(NAME, host.clone(), db.clone(), bus)
        .timers([Arc::new(timers::Resolve(app.clone())) as Arc<dyn TimerHandler>, Arc::new(timers::Void(app.clone()))])
        .exports([Arc::new(events::PaymentExport) as Arc<dyn Export>, Arc::new(events::ConnectionExport { notices_url })])
        .checks([
            Arc::new(check::LedgerZeroSum) as Arc<dyn Check>,
            Arc::new(check::PaymentsMatchLedger),
            Arc::new(check::OneJournalPerOperation),
        ]);
    let mut service = Service::new(NAME, host, db, http::routes(app.clone()));
    service.plain = http::plain(app.clone());
    service.grpc = tonic::service::Routes::new(PaymentsServer::new(grpc::Grpc(app))).add_service(events.platform());
    service.tasks = events.tasks();
    Ok(service)
}
