//! Pricing: what a thing costs in a context, with which tax, and why.
//!
//! | module | what it is |
//! |---|---|
//! | [`domain`] | the engine: choice of the price row, tax, quote, listing price; pure |
//! | [`http`] | REST: `/v1/pricing/…` |
//! | [`grpc`] | `Quote` for carts and orders, `SetPrices` for imports |
//! | [`ops`] | one use case a file |
//! | [`store`] | SQL |
//! | [`taxes`] | tax tables in memory, checked by version |
//! | [`events`] | what is told, what is heard, what waits for a moment, what is exported and checked |
//!
//! Whatever changes the price of one unit in a channel (a price, a list, a tax, a channel, the passing of a date) ends as
//! `variant_price.updated`. A price is published in the transaction that sets it; terms that many prices share are
//! followed by a pass of bounded batches (`ops::republish`).
//!
//! Absent by design: no float, no price that is not a row, no tax worked out twice in two ways, no check whether a
//! variant exists (the catalogue owns it, and its prices may be there first), no refusal of a channel because its event is
//! late (the catalogue is asked for what pricing has not heard of).

pub mod domain;
pub mod error;
pub mod events;
pub mod grpc;
pub mod http;
pub mod ops;
pub mod store;
pub mod taxes;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use bloom_contract_catalog::catalog_client::CatalogClient;
use bloom_contract_pricing::pricing_server::PricingServer;
use bloom_db::Db;
use bloom_events::{Bus, Events};
use bloom_runtime::{Peer, ServiceContext, StartError};
use bloom_web::Definition;
use bloom_web::Service;
use bloom_web::page::Cursors;

use crate::taxes::TaxCache;

/// The service's name.
pub const NAME: &str = "pricing";

/// The service's tables.
pub static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations/pricing");

/// How a process starts it.
pub const SERVICE: Definition = Definition {
    name: NAME,
    migrations: &MIGRATIONS,
    constraints: &[],
    settings: std::convert::identity,
    start: |start| service(start.context, start.db, start.bus),
};

/// What handlers share.
#[derive(Clone)]
pub struct Pricing {
    /// The database.
    pub db: Db,
    /// Time, ids, keys, peers.
    pub host: ServiceContext,
    /// Cursors of lists.
    pub cursors: Arc<Cursors>,
    /// Tax tables in memory.
    pub taxes: TaxCache,
    pub(crate) catalog: CatalogClient<Peer>,
}

impl Pricing {
    /// What handlers share, with nothing in memory yet.
    pub fn new(host: ServiceContext, db: Db) -> Self {
        Self {
            cursors: Arc::new(Cursors::new(&host)),
            taxes: TaxCache::default(),
            catalog: CatalogClient::new(host.peers.get("catalog")),
            db,
            host,
        }
    }
}

/// Puts the service together.
pub fn service(host: ServiceContext, db: Db, bus: Bus) -> Result<Service, StartError> {
    let app = Pricing::new(host.clone(), db.clone());
    let events = Events::new(NAME, host.clone(), db.clone(), bus)
        .handlers(events::consume::handlers(&app))
        .timers(events::timers(&app))
        .exports(events::export::exports(&app))
        .checks(events::check::checks(&app));
    let mut service = Service::new(NAME, host, db, http::routes(app.clone()));
    service.grpc = tonic::service::Routes::new(PricingServer::new(grpc::Grpc(app))).add_service(events.platform());
    service.tasks = events.tasks();
    Ok(service)
}
