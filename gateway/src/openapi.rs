//! Merges the services' API descriptions into one document.

mod examples;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bloom_web::openapi::{Clash, Merged};
use bytes::Bytes;
use moka::future::Cache;
use serde_json::{Value, json};

use crate::Gateway;
use crate::config::GatewayConfig;
use crate::upstream::ask;

/// How long the document is cached before the services are asked again.
const MEMORY: Duration = Duration::from_mins(1);

/// The merged document, cached if it was complete.
pub(crate) struct Described(Cache<(), Bytes>);

impl Default for Described {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(1).time_to_live(MEMORY).build())
    }
}

impl Described {
    /// Concurrent requests share one merge. Services that do not provide their description are left out, and the
    /// document is then not cached.
    pub(crate) async fn document(&self, gateway: &Gateway) -> Bytes {
        let described = self.0.try_get_with((), describe(gateway)).await;
        described.unwrap_or_else(|incomplete| Bytes::clone(&incomplete))
    }
}

/// Builds the document; returned as `Err` when a service is missing, so that it is not cached.
async fn describe(gateway: &Gateway) -> Result<Bytes, Bytes> {
    let upstreams = &gateway.config.upstreams;
    let asked = upstreams.iter().map(|(name, authority)| async move {
        let text = ask(&gateway.upstream, authority, "/openapi.json").await?;
        Some((name.clone(), serde_json::from_slice(&text).ok()?))
    });
    let documents: BTreeMap<String, Value> = futures::future::join_all(asked).await.into_iter().flatten().collect();
    let (document, is_whole) = merge_most(&gateway.config, documents);
    let text = Bytes::from(document.to_string());
    if is_whole { Ok(text) } else { Err(text) }
}

/// The document of all services that agree. Some may disagree while a new version is rolled out, when one schema name
/// can have two shapes. Also returns whether every service is included.
pub(crate) fn merge_most(config: &GatewayConfig, mut documents: BTreeMap<String, Value>) -> (Value, bool) {
    let mut is_whole = documents.len() == config.upstreams.len();
    loop {
        let clash = match merge(config, documents.clone()) {
            Ok(document) => return (document, is_whole),
            Err(clashes) => clashes.into_iter().next(),
        };
        let Some(clash) = clash else { return (json!({}), false) };
        tracing::warn!(%clash, "a service is left out of the API description");
        documents.remove(&clash.services.1);
        is_whole = false;
    }
}

/// Merges the descriptions of several services, limited to what the gateway routes.
pub fn merge(config: &GatewayConfig, documents: BTreeMap<String, Value>) -> Result<Value, Vec<Clash>> {
    let public = documents.into_iter().map(|(name, mut document)| {
        if let Some(paths) = document["paths"].as_object_mut() {
            paths.retain(|path, _| config.route(path).is_some_and(|route| route.service == name));
        }
        (name, document)
    });
    let Merged { mut paths, mut components } = bloom_web::openapi::merge(public.collect())?;
    examples::add(&mut paths, &mut components);
    let description = "A secret (sk_…) or publishable (pk_…) key.";
    let key = json!({ "key": { "type": "http", "scheme": "bearer", "description": description } });
    components["securitySchemes"] = key;
    Ok(json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Bloom",
            "version": crate::version::VERSIONS[crate::version::VERSIONS.len() - 1],
            "description": "Composable commerce. Money is integer minor units, time RFC 3339 in UTC. Errors are problem+json (RFC 9457). \
                            Idempotency-Key is honoured on every POST and PATCH for at least 24 hours (86,400 s).",
        },
        "servers": [{ "url": "/" }],
        "security": [{ "key": [] }],
        "tags": tags(&paths),
        "paths": paths,
        "components": components,
    }))
}

fn tags(paths: &Value) -> Vec<Value> {
    let operations = paths.as_object().into_iter().flatten().filter_map(|(_, item)| item.as_object()).flatten();
    let tags = operations.filter_map(|(_, operation)| operation["tags"].as_array()).flatten().filter_map(Value::as_str);
    tags.collect::<BTreeSet<_>>().into_iter().map(|name| json!({ "name": name })).collect()
}
