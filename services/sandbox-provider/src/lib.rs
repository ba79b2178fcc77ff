//! The test payment provider: a server apart, with its own durable state, that behaves as providers do, well and badly.
//!
//! | module | what it is |
//! |---|---|
//! | [`domain`] | objects, and the tokens that choose how they behave |
//! | `ops` | authorise, draw, settle, deliver notices |
//! | [`store`] | SQL; an account is a tenant here |
//! | `http` | the API under a bearer key, and the issuer's page for browsers |
//! | `timers` | what comes later: success, expiry, notices and their repetition |
//!
//! Absent by design: it knows nothing of Bloom's payments, and nothing of Bloom's tenants reaches it.

pub mod config;
pub mod domain;
pub mod store;

mod http;
mod ops;
mod timers;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use aide::axum::ApiRouter;
use bloom_db::{Db, SystemTx};
use bloom_events::check::{Breach, Check};
use bloom_events::timer::TimerHandler;
use bloom_events::{Bus, Events};
use bloom_fault::Fault;
use bloom_runtime::{ServiceContext, StartError};
use bloom_web::Definition;
use bloom_web::Service;
use futures::future::BoxFuture;
use sqlx::migrate::Migrator;

pub use config::Config;

/// Name of the service.
pub const NAME: &str = "sandbox-provider";

/// Its schema.
pub static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations/sandbox-provider");

/// A receiver of notices is not waited for longer.
const NOTICE_TIMEOUT: Duration = Duration::from_secs(5);

/// What every handler and operation is given.
#[derive(Clone)]
pub(crate) struct Sandbox {
    pub(crate) db: Db,
    pub(crate) host: ServiceContext,
    /// Where payers' browsers reach the issuer's page.
    pub(crate) public_url: Arc<str>,
    /// How long an answer that is to come too late takes.
    pub(crate) stall: Duration,
    pub(crate) client: reqwest::Client,
}

/// How a process starts it.
pub const SERVICE: Definition = Definition {
    name: NAME,
    migrations: &MIGRATIONS,
    constraints: &[],
    settings: <Config as clap::Args>::augment_args,
    start: |start| {
        let mut config: Config = start.config()?;
        config.public_url = config.public_url.or_else(|| Some(format!("{}/sandbox", start.address("gateway")?)));
        service(&config, start.context, start.db, start.bus)
    },
};

/// Puts the service together.
pub fn service(config: &Config, host: ServiceContext, db: Db, bus: Bus) -> Result<Service, StartError> {
    let client = reqwest::Client::builder()
        .timeout(NOTICE_TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .map_err(|error| StartError::caused("the client that delivers notices could not be made", error))?;
    let public_url = config.public_url.as_deref().unwrap_or("http://127.0.0.1:8000/sandbox").into();
    let app = Sandbox { db: db.clone(), host: host.clone(), public_url, stall: config.stall(), client };
    let events = Events::new(NAME, host.clone(), db.clone(), bus)
        .timers([
            Arc::new(timers::Deliver(app.clone())) as Arc<dyn TimerHandler>,
            Arc::new(timers::Settle(app.clone())),
            Arc::new(timers::Expire(app.clone())),
        ])
        .checks([Arc::new(AmountsMatchMovements) as Arc<dyn Check>]);
    let mut service = Service::new(NAME, host, db, ApiRouter::new());
    service.plain = http::routes(app);
    service.grpc = tonic::service::Routes::new(events.platform());
    service.tasks = events.tasks();
    Ok(service)
}

/// What an authorisation says was drawn is what its movements say.
struct AmountsMatchMovements;

impl Check for AmountsMatchMovements {
    fn name(&self) -> &'static str {
        "sandbox_amounts_match_movements"
    }

    fn breaches<'a>(&'a self, tx: &'a mut SystemTx) -> BoxFuture<'a, Result<Vec<Breach>, Fault>> {
        Box::pin(async move {
            let details = store::authorisation::authorisation_breaches(tx).await?;
            Ok(details.into_iter().map(|detail| Breach { invariant: self.name(), detail }).collect())
        })
    }
}
