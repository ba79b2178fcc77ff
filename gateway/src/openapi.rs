//! The services' API descriptions as one document.

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

/// How long the document is told again before the services are asked anew.
const MEMORY: Duration = Duration::from_mins(1);

/// The document as it was put together last, if it was whole.
pub(crate) struct Described(Cache<(), Bytes>);

impl Default for Described {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(1).time_to_live(MEMORY).build())
    }
}

impl Described {
    /// Whoever asks at the same time gets the same answer. Services whose description could not be had are left out; the
    /// next request asks again.
    pub(crate) async fn document(&self, gateway: &Gateway) -> Bytes {
        let described = self.0.try_get_with((), describe(gateway)).await;
        described.unwrap_or_else(|incomplete| Bytes::clone(&incomplete))
    }
}

/// The document; as an error when a service is missing in it.
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

/// The document of all services, or of those that agree: while a new version is rolled out, two may give one name to two shapes.
/// Also whether every service is in it.
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

/// The descriptions of several services as one. Only what the gateway routes is in it.
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
