//! Who may do what: accounts, their environments (the tenants of all other services), and the API keys that open them.
//!
//! | folder | what it is |
//! |---|---|
//! | `account` | a customer of Bloom; created by an operator with two environments and their first keys |
//! | `environment` | a tenant: the live one of an account, and its sandboxes |
//! | `api_key` | keys: create, rotate, revoke, resolve for a gateway; their scopes, their last use, the list of revocations |
//!
//! Uses point one way: `account` → `environment` → `api_key`. This service publishes `environment.created|updated` and
//! `api_key.created|updated|revoked` in the environment concerned, and consumes nothing.
//!
//! Absent by design: the text of a key, which is shown once and stored nowhere; only its keyed digest is kept.

mod account;
mod api_key;
mod checks;
mod environment;
mod error;
mod exports;
mod grpc;
mod permissions;
#[cfg(test)]
mod tests;
mod text;

use std::sync::Arc;

use bloom_events::{Bus, Events};
use bloom_fault::Fault;
use bloom_process::Definition;
use bloom_proto_catalog::catalog_client::CatalogClient;
use bloom_proto_identity::identity_server::IdentityServer;
use bloom_runtime::http::page::Cursors;
use bloom_runtime::{Db, Host, Peer, Service, StartError};
use sqlx::migrate::Migrator;

pub use crate::account::{AccountCreate, AccountCreated};
use crate::api_key::Usage;

/// Name of the service.
pub const NAME: &str = "identity";

/// Its tables.
pub static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations/identity");

/// How a process starts it.
pub const SERVICE: Definition = Definition {
    name: NAME,
    migrations: &MIGRATIONS,
    settings: std::convert::identity,
    start: |start| Box::pin(async move { service(start.host, start.db, start.bus) }),
};

/// The state that every handler receives. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Identity {
    pub(crate) db: Db,
    pub(crate) host: Host,
    pub(crate) cursors: Arc<Cursors>,
    pub(crate) usage: Arc<Usage>,
    pub(crate) catalog: CatalogClient<Peer>,
    pepper: [u8; 32],
}

impl Identity {
    pub(crate) fn new(host: Host, db: Db) -> Self {
        Self {
            cursors: Arc::new(Cursors::new(&host)),
            usage: Arc::default(),
            catalog: CatalogClient::new(host.peers.get("catalog")),
            pepper: host.keys.derive("api-key"),
            db,
            host,
        }
    }

    /// The digest that a key is stored under: without the pepper, a stolen table reveals no key.
    pub(crate) fn stored_digest(&self, sha256: &[u8]) -> [u8; 32] {
        use hmac::{Hmac, KeyInit as _, Mac as _};
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&self.pepper).expect("HMAC takes keys of any length");
        mac.update(sha256);
        mac.finalize().into_bytes().into()
    }
}

/// The service, ready to run.
pub fn service(host: Host, db: Db, bus: Bus) -> Result<Service, StartError> {
    let app = Identity::new(host.clone(), db.clone());
    let events = Events::new(NAME, host.clone(), db.clone(), bus)
        .exports([Arc::new(exports::Environments) as _, Arc::new(exports::ApiKeys) as _])
        .checks([Arc::new(checks::OneLiveEnvironment) as _, Arc::new(checks::RevocationsPublished { host: host.clone() }) as _]);
    let routes = account::routes().merge(environment::routes()).merge(api_key::routes());
    let mut service = Service::new(NAME, host, db, routes.with_state(app.clone()));
    service.grpc = tonic::service::Routes::new(IdentityServer::new(grpc::Grpc(app.clone()))).add_service(events.platform());
    service.tasks = events.tasks();
    service.tasks.push(api_key::usage_task(app));
    Ok(service)
}

/// Creates an account for `bloom account create`: before the first account there is no key that could ask for one.
pub async fn account_create(host: &Host, db: &Db, input: AccountCreate) -> Result<AccountCreated, Fault> {
    account::create(&Identity::new(host.clone(), db.clone()), input).await
}
