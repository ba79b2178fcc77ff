//! What this service exports and what it proves. It publishes `environment.created|updated` and
//! `api_key.created|updated|revoked`, in the environment concerned; it consumes nothing.

use bloom_db::SystemTx;
use bloom_events::{After, Breach, Check, Export, StateRecord};
use bloom_fault::Fault;
use bloom_runtime::{ServiceContext, grpc};
use chrono::TimeDelta;
use futures::future::BoxFuture;

use crate::domain::api_key::ApiKey;
use crate::domain::environment::Environment;
use crate::store;

/// The state of environments.
pub struct Environments;

impl Export for Environments {
    fn kind(&self) -> &'static str {
        "environment.updated"
    }

    fn page<'a>(
        &'a self,
        tx: &'a mut SystemTx,
        after: Option<After>,
        limit: i64,
    ) -> BoxFuture<'a, Result<Vec<StateRecord>, Fault>> {
        Box::pin(async move {
            let found = store::environment::environment_scan(tx, after.map(|after| after.tenant), limit).await?;
            let record = |it: Environment| StateRecord::new(it.id, self.kind(), it.id.to_string(), it.version, &it);
            found.into_iter().map(record).collect()
        })
    }
}

/// The state of API keys: neither their texts nor their digests.
pub struct ApiKeys;

impl Export for ApiKeys {
    fn kind(&self) -> &'static str {
        "api_key.updated"
    }

    fn page<'a>(
        &'a self,
        tx: &'a mut SystemTx,
        after: Option<After>,
        limit: i64,
    ) -> BoxFuture<'a, Result<Vec<StateRecord>, Fault>> {
        Box::pin(async move {
            let after = match after {
                Some(after) => Some((after.tenant, grpc::id(&after.aggregate, "API key")?)),
                None => None,
            };
            let found = store::api_key::api_key_scan(tx, after, limit).await?;
            let record = |it: ApiKey| StateRecord::new(it.environment_id, self.kind(), it.id.to_string(), it.version, &it);
            found.into_iter().map(record).collect()
        })
    }
}

/// Every account has exactly one live environment.
pub struct OneLiveEnvironment;

impl Check for OneLiveEnvironment {
    fn name(&self) -> &'static str {
        "account_has_one_live_environment"
    }

    fn breaches<'a>(&'a self, tx: &'a mut SystemTx) -> BoxFuture<'a, Result<Vec<Breach>, Fault>> {
        Box::pin(async move {
            let accounts = store::environment::account_without_one_live(tx).await?;
            let breach = |account| Breach { invariant: self.name(), detail: format!("{account} has none or several") };
            Ok(accounts.into_iter().map(breach).collect())
        })
    }
}

/// Every key that was revoked within a day was announced to the gateways.
pub struct RevocationsAnnounced {
    /// For the time.
    pub host: ServiceContext,
}

impl Check for RevocationsAnnounced {
    fn name(&self) -> &'static str {
        "revoked_keys_are_announced"
    }

    fn breaches<'a>(&'a self, tx: &'a mut SystemTx) -> BoxFuture<'a, Result<Vec<Breach>, Fault>> {
        Box::pin(async move {
            let keys = store::revocation::revocation_missing(tx, self.host.platform_now() - TimeDelta::days(1)).await?;
            let breach = |key| Breach { invariant: self.name(), detail: format!("{key} was revoked in silence") };
            Ok(keys.into_iter().map(breach).collect())
        })
    }
}
