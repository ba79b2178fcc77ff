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
//! | `consumers`, `checks`, `grpc` | entry points other than routes and timers |
//!
//! Every change of a unit price in a channel (of a price, a list, a tax, a channel or a date) leads to `variant_price.updated`. A
//! price is published in the transaction that sets it. A change of terms schedules a pass that publishes the affected variants
//! in batches.
//!
//! Absent by design: floats; a price without a row; a second implementation of tax; a check that a variant exists (the catalog owns
//! variants, and a price may be set first); a refusal of a channel whose event has not arrived (the catalog is queried
//! instead).

mod bounded;
mod channel;
mod checks;
mod consumers;
mod error;
mod grpc;
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
mod terms;
mod variant_class;
mod variant_price;

#[cfg(test)]
mod tests;

use bloom_contract_catalog::CatalogClient;
use bloom_contract_pricing::pricing_server::PricingServer;
use bloom_db::Db;
pub(crate) use bloom_fleet::permission::{PricingQuote, PricingRead, PricingWrite};
use bloom_runtime::{ServiceContext, StartError};
use bloom_web::{Definition, Service, Start};
use sqlx::migrate::Migrator;

use crate::price_list::DATE_REACHED;
use crate::tax::TaxCache;
use crate::terms::REPUBLISH;

/// The service's name.
pub const NAME: &str = "pricing";

/// The service's migrations.
pub static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations/pricing");

/// How a process starts it.
pub const SERVICE: Definition = Definition::new(NAME, &MIGRATIONS, error::CONSTRAINTS, start);

/// State that all operations share.
#[derive(Clone)]
pub(crate) struct Pricing {
    db: Db,
    /// Time, ids, keys and peers.
    context: ServiceContext,
    taxes: TaxCache,
    catalog: CatalogClient,
}

impl Pricing {
    fn new(context: ServiceContext, db: Db) -> Self {
        Self { taxes: TaxCache::default(), catalog: CatalogClient::new(&context), db, context }
    }
}

fn start(start: Start) -> Result<Service, StartError> {
    let app = Pricing::new(start.context.clone(), start.db.clone());
    let service = start
        .service(app.clone())
        .routes([
            price_list::routes(),
            price::routes(),
            tax_class::routes(),
            tax_zone::routes(),
            tax_rate::routes(),
            settings::routes(),
            quote::routes(),
        ])
        .grpc(PricingServer::new(grpc::Grpc(app)))
        .consume("pricing.catalog", consumers::CATALOG, consumers::catalog)
        .timer(REPUBLISH, republish::pass_run)
        .timer(DATE_REACHED, price_list::date_reached)
        .export(settings::settings_export)
        .export(tax_class::tax_class_export)
        .export(tax_zone::tax_zone_export)
        .export(tax_rate::tax_rate_export)
        .export(price_list::price_list_export)
        .export(price::price_export)
        .export(variant_price::variant_price_export)
        .check("every_price_is_listed", checks::unlisted_prices)
        .check_app("published_prices_are_current", checks::outdated_prices)
        .build();
    Ok(service)
}
