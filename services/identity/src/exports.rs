//! The present state that new consumers load before they follow the events.

use bloom_events::{After, Export, StateRecord};
use bloom_fault::Fault;
use bloom_runtime::{SystemTx, grpc};
use futures::future::BoxFuture;

use crate::api_key::{ApiKey, api_key_export};
use crate::environment::{Environment, environment_export};

/// All environments.
pub(crate) struct Environments;

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
            let found = environment_export(tx, after.map(|after| after.tenant), limit).await?;
            let record = |it: Environment| StateRecord::new(it.id, self.kind(), it.id.to_string(), it.version, &it);
            found.into_iter().map(record).collect()
        })
    }
}

/// All API keys, without their texts and digests.
pub(crate) struct ApiKeys;

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
            let found = api_key_export(tx, after, limit).await?;
            let record = |it: ApiKey| StateRecord::new(it.environment_id, self.kind(), it.id.to_string(), it.version, &it);
            found.into_iter().map(record).collect()
        })
    }
}
