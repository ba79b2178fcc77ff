//! Who may do what: accounts, their environments (the tenants of all other services), and the API keys that open them.
//!
//! | module | what it is |
//! |---|---|
//! | [`domain`] | environments, keys and scopes: what is legal; nothing here waits or asks |
//! | [`ops`] | one use case a file; each owns its transaction |
//! | [`store`] | SQL, one statement a function |
//! | [`http`], [`grpc`] | the public door, and what gateways ask |
//! | [`events`] | what others learn: exports and checks |
//! | [`usage`] | the last use of keys, written in batches |
//!
//! Absent by design: the text of a key, which is shown once and stored nowhere; only its keyed digest is kept.

pub mod domain;
mod error;
pub mod events;
pub mod grpc;
pub mod http;
pub mod ops;
pub mod store;
#[cfg(test)]
mod tests;
pub mod usage;

use std::sync::Arc;

use bloom_contract_catalog::catalog_client::CatalogClient;
use bloom_contract_identity::identity_server::IdentityServer;
use bloom_db::Db;
use bloom_events::{Bus, Events};
use bloom_fault::Fault;
use bloom_runtime::{Peer, ServiceContext, StartError};
use bloom_web::Definition;
use bloom_web::Service;
use bloom_web::page::Cursors;
use sqlx::migrate::Migrator;

use crate::domain::account::{AccountCreate, AccountCreated};
use crate::usage::Usage;

/// Name of the service.
pub const NAME: &str = "identity";

/// Its tables.
pub static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations/identity");

/// How a process starts it.
pub const SERVICE: Definition = Definition {
    name: NAME,
    migrations: &MIGRATIONS,
    constraints: &[],
    settings: std::convert::identity,
    start: |start| service(start.context, start.db, start.bus),
};

/// What handlers and operations are handed. Cheap to clone.
#[derive(Clone)]
pub struct Identity {
    /// The database.
    pub db: Db,
    /// Clock, entropy, keys.
    pub host: ServiceContext,
    pub(crate) cursors: Arc<Cursors>,
    pub(crate) usage: Arc<Usage>,
    pub(crate) catalog: CatalogClient<Peer>,
    pepper: [u8; 32],
}

impl Identity {
    /// Puts it together.
    pub fn new(host: ServiceContext, db: Db) -> Self {
        Self {
            cursors: Arc::new(Cursors::new(&host)),
            usage: Arc::default(),
            catalog: CatalogClient::new(host.peers.get("catalog")),
            pepper: host.keys.derive("api-key"),
            db,
            host,
        }
    }

    /// Under what a key is stored: a stolen table is of no use to somebody who lacks the pepper.
    pub(crate) fn stored_digest(&self, sha256: &[u8]) -> [u8; 32] {
        use hmac::{Hmac, KeyInit as _, Mac as _};
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&self.pepper).expect("HMAC takes keys of any length");
        mac.update(sha256);
        mac.finalize().into_bytes().into()
    }
}

/// The service, ready to run.
pub fn service(host: ServiceContext, db: Db, bus: Bus) -> Result<Service, StartError> {
    let app = Identity::new(host.clone(), db.clone());
    let events = Events::new(NAME, host.clone(), db.clone(), bus)
        .exports([Arc::new(events::Environments) as _, Arc::new(events::ApiKeys) as _])
        .checks([Arc::new(events::OneLiveEnvironment) as _, Arc::new(events::RevocationsAnnounced { host: host.clone() }) as _]);
    let mut service = Service::new(NAME, host, db, http::routes().with_state(app.clone()));
    service.grpc = tonic::service::Routes::new(IdentityServer::new(grpc::Grpc(app.clone()))).add_service(events.platform());
    service.tasks = events.tasks();
    service.tasks.push(usage::task(app));
    Ok(service)
}

/// Founds an account: for `bloom account create`, as there is no key yet that could ask for it.
pub async fn account_create(host: &ServiceContext, db: &Db, input: AccountCreate) -> Result<AccountCreated, Fault> {
    ops::create_account::create_account(&Identity::new(host.clone(), db.clone()), input).await
}
