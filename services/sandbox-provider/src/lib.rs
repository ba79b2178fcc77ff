//! The test payment provider: a separate server with durable state. It simulates the correct and faulty behaviour of providers.
//!
//! | folder | what it is |
//! |---|---|
//! | `account` | bearer keys, each an account, and their webhook endpoints |
//! | `authorisation` | created, found, decided; the issuer's page |
//! | `movement` | captures, voids and refunds |
//! | `notice` | signed webhooks and their delivery |
//! | `scenario` | tokens, and the behaviour that each selects |
//! | `object`, `timers` | ids and statuses; delayed changes |
//!
//! Absent by design: knowledge of Bloom's payments and of Bloom's tenants; each account is a tenant here.

pub mod config;

mod account;
mod authorisation;
mod movement;
mod notice;
mod object;
mod scenario;
mod timers;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use bloom_db::{Constraints, Db, idempotency};
use bloom_events::Bus;
use bloom_runtime::{ServiceContext, StartError};
use bloom_web::{Definition, Service, Start};
use sqlx::migrate::Migrator;

pub use config::Config;

/// The service's name.
pub const NAME: &str = "sandbox-provider";

/// The service's migrations.
pub static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations/sandbox-provider");

/// Constraints that input can violate: an idempotency key that was used for a movement of another authorisation.
const CONSTRAINTS: Constraints = &[("movement_idempotency_key", idempotency::reused)];

/// Time-out of the delivery of a notice.
const NOTICE_TIMEOUT: Duration = Duration::from_secs(5);

/// How a process starts it.
pub const SERVICE: Definition =
    Definition::new(NAME, &MIGRATIONS, CONSTRAINTS, start).settings(<Config as clap::Args>::augment_args);

/// What every handler and operation receives. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Sandbox {
    db: Db,
    context: ServiceContext,
    /// Where payers' browsers reach the issuer's page.
    public_url: Arc<str>,
    /// The delay of a reply that has to come after the caller's time-out.
    stall: Duration,
    client: reqwest::Client,
}

fn start(start: Start) -> Result<Service, StartError> {
    let mut config: Config = start.config()?;
    config.public_url = config.public_url.or_else(|| Some(format!("{}/sandbox", start.address("gateway")?)));
    wire(&config, start)
}

/// The service with these settings, for a test that starts it by hand.
pub fn service(config: &Config, context: ServiceContext, db: Db, bus: Bus) -> Result<Service, StartError> {
    wire(config, Start { context, db: db.constraints(CONSTRAINTS), bus, addresses: Arc::default() })
}

fn wire(config: &Config, start: Start) -> Result<Service, StartError> {
    let client = reqwest::Client::builder()
        .timeout(NOTICE_TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .map_err(|error| StartError::caused("the client that delivers notices could not be made", error))?;
    let app = Sandbox {
        db: start.db.clone(),
        context: start.context.clone(),
        public_url: config.public_url.as_deref().unwrap_or("http://127.0.0.1:8000/sandbox").into(),
        stall: config.stall(),
        client,
    };
    let routes = Router::new().merge(account::routes()).merge(authorisation::routes()).merge(movement::routes());
    Ok(start
        .service(app.clone())
        .plain(routes.with_state(app))
        .timer(notice::DELIVER, notice::deliver)
        .timer(scenario::SETTLE, timers::settle)
        .timer(scenario::EXPIRE, timers::expire)
        .check("sandbox_amounts_match_movements", authorisation::authorisations_differ)
        .build())
}
