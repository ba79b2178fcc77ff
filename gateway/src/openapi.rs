//! The services' API descriptions as one document, and whether the gateway can do its work.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::Uri;
use http::uri::{Authority, PathAndQuery, Scheme};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::{Map, Value, json};

use crate::Gateway;
use crate::config::GatewayConfig;

const DEADLINE: Duration = Duration::from_secs(2);
const DOCUMENT_LIMIT: usize = 8 * 1024 * 1024;

/// Services whose description could not be had are left out; the next request asks again.
pub(crate) async fn merged(gateway: &Gateway) -> String {
    let mut documents = BTreeMap::new();
    for (name, authority) in &gateway.config.upstreams {
        let text = get(authority, "/openapi.json").await;
        if let Some(document) = text.and_then(|text| serde_json::from_slice(&text).ok()) {
            documents.insert(name.clone(), document);
        }
    }
    merge(&gateway.config, documents).to_string()
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

/// What the gateway waits for before it takes requests; once ready it stays so, as a service that goes away later is
/// answered for route by route.
pub(crate) async fn waiting_for(gateway: &Gateway) -> Option<String> {
    static READY: AtomicBool = AtomicBool::new(false);
    if gateway.host.shutdown.is_cancelled() {
        return Some("nothing: it is draining".to_owned());
    }
    if READY.load(Ordering::Relaxed) {
        return None;
    }
    let identity = gateway.config.upstreams.get("identity")?;
    if get(identity, "/readyz").await.is_some() {
        READY.store(true, Ordering::Relaxed);
        return None;
    }
    Some("identity".to_owned())
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

async fn get(authority: &Authority, path: &'static str) -> Option<Bytes> {
    let mut uri = Uri::default().into_parts();
    uri.scheme = Some(Scheme::HTTP);
    uri.authority = Some(authority.clone());
    uri.path_and_query = Some(PathAndQuery::from_static(path));
    let client = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
    let ask = async {
        let response = client.get(Uri::from_parts(uri).ok()?).await.ok()?;
        let good = response.status().is_success();
        let body = Limited::new(response.into_body(), DOCUMENT_LIMIT).collect().await.ok()?;
        good.then(|| body.to_bytes())
    };
    tokio::time::timeout(DEADLINE, ask).await.ok().flatten()
}
