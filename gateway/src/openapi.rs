//! The services' API descriptions as one document.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use moka::future::Cache;
use serde_json::{Map, Value, json};

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
    let is_whole = documents.len() == upstreams.len();
    let text = Bytes::from(merge(&gateway.config, documents).to_string());
    if is_whole { Ok(text) } else { Err(text) }
}

/// The descriptions of several services as one. Only what the gateway routes is in it; a name that two services give to
/// two shapes gets the service's name in front.
pub fn merge(config: &GatewayConfig, documents: BTreeMap<String, Value>) -> Value {
    let (mut paths, mut schemas, mut tags) = (Map::new(), Map::new(), Vec::new());
    for (name, document) in documents {
        let renamed: BTreeMap<String, String> = components(&document)
            .filter(|(schema, shape)| schemas.get(*schema).is_some_and(|other| other != *shape))
            .map(|(schema, _)| (schema.clone(), format!("{}_{schema}", name.replace('-', "_"))))
            .collect();
        let document = rename(document, &renamed);
        for (schema, shape) in components(&document) {
            schemas.insert(schema.clone(), shape.clone());
        }
        let own = document["paths"].as_object().into_iter().flatten();
        let public = own.filter(|(path, _)| config.route(path).is_some_and(|route| route.service == name));
        paths.extend(public.map(|(path, item)| (path.clone(), item.clone())));
        tags.push(json!({ "name": name }));
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Bloom",
            "version": crate::version::VERSIONS[crate::version::VERSIONS.len() - 1],
            "description": "Composable commerce. Money is integer minor units, time RFC 3339 in UTC. Errors are problem+json (RFC 9457). \
                            Idempotency-Key is honoured on every POST and PATCH for at least 24 hours (86,400 s).",
        },
        "servers": [{ "url": "/" }],
        "security": [{ "key": [] }],
        "tags": tags,
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": { "key": { "type": "http", "scheme": "bearer", "description": "A secret (sk_…) or publishable (pk_…) key." } },
        },
    })
}

fn components(document: &Value) -> impl Iterator<Item = (&String, &Value)> {
    document["components"]["schemas"].as_object().into_iter().flatten()
}

fn rename(value: Value, renamed: &BTreeMap<String, String>) -> Value {
    if renamed.is_empty() {
        return value;
    }
    match value {
        Value::Object(map) => Value::Object(
            map.into_iter()
                .map(|(key, value)| {
                    let value = match (&*key, value) {
                        ("$ref", Value::String(reference)) => Value::String(renamed_reference(reference, renamed)),
                        (_, value) => rename(value, renamed),
                    };
                    (renamed.get(&key).cloned().unwrap_or(key), value)
                })
                .collect(),
        ),
        Value::Array(items) => Value::Array(items.into_iter().map(|item| rename(item, renamed)).collect()),
        other => other,
    }
}

fn renamed_reference(reference: String, renamed: &BTreeMap<String, String>) -> String {
    match reference.rsplit_once('/') {
        Some((base, name)) if renamed.contains_key(name) => format!("{base}/{}", renamed[name]),
        _ => reference,
    }
}
