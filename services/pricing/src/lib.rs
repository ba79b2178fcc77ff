//! Pricing: what a variant costs in a context, with which tax, and why.
//!
//! | module | content |
//! |---|---|
//! | `price_list` | the terms that many prices share: currency, channel, basis, dates, priority |
//! | `price` | one amount for a variant in a list, from a quantity on |
//! | `tax_class`, `tax_zone`, `tax_rate` | what a tenant sets up about tax |
//! | `settings` | rounding, and the basis of base lists |
//! | `channel`, `variant_class` | replicas of the catalog: channels, and the tax classes of variants |
//! | `tax` | tax tables in memory, and the tax of one amount |
//! | `quote` | the choice of a price row, and the calculation of a document |
//! | `variant_price` | the published price of one unit in each channel, which is the quote of one unit |
//! | `terms` | the lock between prices and the terms that they are published under |
//! | `republish` | the pass that publishes prices again after their terms changed |
//! | `consumers`, `timers`, `exports`, `checks`, `grpc` | what calls the service other than its own routes |
//!
//! Whatever changes the price of one unit in a channel (a price, a list, a tax, a channel, a date) ends as
//! `variant_price.updated`. A price is published in the transaction that sets it. A change of terms schedules a pass over
//! the variants concerned, in batches.
//!
//! Absent by design: no float; no price without a row; no second implementation of tax; no check that a variant exists (the
//! catalog owns variants, and a price may be set first); no refusal of a channel whose event has not arrived (the catalog is
//! asked instead).

mod bounded;
mod channel;
mod checks;
mod consumers;
mod error;
mod events;
mod exports;
mod grpc;
mod permissions;
mod place;
mod price;
mod price_list;
mod quote;
mod republish;
mod settings;
mod tax;
mod tax_class;
mod tax_rate;
mod tax_zone;
mod tenants;
mod terms;
mod timers;
mod variant_class;
mod variant_price;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use aide::axum::ApiRouter;
use bloom_events::{Bus, Events};
use bloom_process::Definition;
use bloom_proto_catalog::catalog_client::CatalogClient;
use bloom_proto_pricing::pricing_server::PricingServer;
use bloom_runtime::http::page::Cursors;
use bloom_runtime::{Db, Host, Peer, Service, StartError};

use crate::tax::TaxCache;

/// The service's name.
pub const NAME: &str = "pricing";

/// The service's tables.
pub static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations/pricing");

/// How a process starts it.
pub const SERVICE: Definition = Definition {
    name: NAME,
    migrations: &MIGRATIONS,
    settings: std::convert::identity,
    start: |start| Box::pin(async move { service(start.host, start.db, start.bus) }),
};

/// What all operations share.
#[derive(Clone)]
pub(crate) struct Pricing {
    db: Db,
    /// Time, ids, keys and peers.
    host: Host,
    cursors: Arc<Cursors>,
    taxes: TaxCache,
    catalog: CatalogClient<Peer>,
}

impl Pricing {
    fn new(host: Host, db: Db) -> Self {
        Self {
            cursors: Arc::new(Cursors::new(&host)),
            taxes: TaxCache::default(),
            catalog: CatalogClient::new(host.peers.get("catalog")),
            db,
            host,
        }
    }
}

fn routes() -> ApiRouter<Pricing> {
    ApiRouter::new()
        .merge(price_list::routes())
        .merge(price::routes())
        .merge(tax_class::routes())
        .merge(tax_zone::routes())
        .merge(tax_rate::routes())
        .merge(settings::routes())
        .merge(quote::routes())
}

fn service(host: Host, db: Db, bus: Bus) -> Result<Service, StartError> {
    let app = Pricing::new(host.clone(), db.clone());
    let events = Events::new(NAME, host.clone(), db.clone(), bus)
        .handlers(consumers::handlers(&app))
        .timers(timers::timers(&app))
        .exports(exports::exports(&app))
        .checks(checks::checks(&app));
    let mut service = Service::new(NAME, host, db, routes().with_state(app.clone()));
    service.grpc = tonic::service::Routes::new(PricingServer::new(grpc::Grpc(app))).add_service(events.platform());
    service.tasks = events.tasks();
    Ok(service)
}
