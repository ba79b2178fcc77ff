//! Invariants that `bloom check` proves.

use bloom_events::{Breach, Check};
use bloom_fault::Fault;
use bloom_runtime::{Host, SystemTx};
use chrono::TimeDelta;
use futures::future::BoxFuture;

use crate::account::accounts_without_one_live_environment;
use crate::api_key::revocations_missing;

/// Every account has exactly one live environment.
pub(crate) struct OneLiveEnvironment;

impl Check for OneLiveEnvironment {
    fn name(&self) -> &'static str {
        "account_has_one_live_environment"
    }

    fn breaches<'a>(&'a self, tx: &'a mut SystemTx) -> BoxFuture<'a, Result<Vec<Breach>, Fault>> {
        Box::pin(async move {
            let accounts = accounts_without_one_live_environment(tx).await?;
            let breach =
                |account| Breach { invariant: self.name(), detail: format!("{account} has no live environment or several") };
            Ok(accounts.into_iter().map(breach).collect())
        })
    }
}

/// Every key that was revoked within the last day is in the list that gateways poll.
pub(crate) struct RevocationsPublished {
    pub(crate) host: Host,
}

impl Check for RevocationsPublished {
    fn name(&self) -> &'static str {
        "revoked_keys_are_announced"
    }

    fn breaches<'a>(&'a self, tx: &'a mut SystemTx) -> BoxFuture<'a, Result<Vec<Breach>, Fault>> {
        Box::pin(async move {
            let keys = revocations_missing(tx, self.host.wall() - TimeDelta::days(1)).await?;
            let breach = |key| Breach {
                invariant: self.name(),
                detail: format!("{key} was revoked and is missing from the list that gateways poll"),
            };
            Ok(keys.into_iter().map(breach).collect())
        })
    }
}
