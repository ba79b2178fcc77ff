//! Who may do what: accounts, their environments (the tenants of all other services), and the API keys that open them.
//!
//! | folder | what it is |
//! |---|---|
//! | `account` | a customer of Bloom; created by an operator with two environments and their first keys |
//! | `environment` | a tenant: the live one of an account, and its sandboxes |
//! | `api_key` | keys: create, rotate, revoke, resolve for a gateway; their scopes, their last use, the list of revocations |
//!
//! Dependencies point one way: `account` → `environment` → `api_key`. This service publishes `environment.created|updated` and
//! `api_key.created|updated|revoked` in the environment concerned, and consumes nothing.
//!
//! Absent by design: the text of a key, which is shown once and stored nowhere; only its keyed digest is kept.

mod account;
mod api_key;
mod environment;
mod error;
mod grpc;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use bloom_contract_catalog::catalog_client::CatalogClient;
use bloom_contract_identity::identity_server::IdentityServer;
use bloom_db::Db;
use bloom_fault::Fault;
use bloom_runtime::{Peer, ServiceContext, StartError};
use bloom_web::{Definition, Service, Start};
use sqlx::migrate::Migrator;

pub use crate::account::{AccountCreate, AccountCreated};
use crate::api_key::Usage;
pub(crate) use bloom_fleet::permission::{IdentityRead, IdentityWrite};

/// Name of the service.
pub const NAME: &str = "identity";

/// Its tables.
pub static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations/identity");

/// How a process starts it.
pub const SERVICE: Definition = Definition::new(NAME, &MIGRATIONS, error::CONSTRAINTS, start);

/// The state that every handler receives. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Identity {
    pub(crate) db: Db,
    pub(crate) context: ServiceContext,
    pub(crate) usage: Arc<Usage>,
    pub(crate) catalog: CatalogClient<Peer>,
    pepper: [u8; 32],
}

impl Identity {
    pub(crate) fn new(context: ServiceContext, db: Db) -> Self {
        Self {
            usage: Arc::default(),
            catalog: CatalogClient::new(context.peers.get("catalog")),
            pepper: context.keys.derive("api-key"),
            db,
            context,
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

fn start(start: Start) -> Result<Service, StartError> {
    let app = Identity::new(start.context.clone(), start.db.clone());
    Ok(start
        .service(app.clone())
        .routes([account::routes(), environment::routes(), api_key::routes()])
        .grpc(IdentityServer::new(grpc::Grpc(app.clone())))
        .export(environment::environment_export)
        .export(api_key::api_key_export)
        .check("account_has_one_live_environment", account::accounts_without_one_live_environment)
        .check("revoked_keys_are_announced", api_key::revocations_missing)
        .task("key usage", api_key::write_usage(app))
        .build())
}

/// Creates an account for `bloom account create`. Before the first account there is no key, so there is no API call for it.
pub async fn account_create(context: &ServiceContext, db: &Db, input: AccountCreate) -> Result<AccountCreated, Fault> {
    account::create(&Identity::new(context.clone(), db.clone()), input).await
}
