//! `PUT /v1/webhook-endpoint`: where the signed notices of an account go.

use axum::extract::State;
use axum::routing::put;
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bloom_fault::Fault;
use bloom_kernel::ViolationCode;
use bloom_web::Body;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::key::Account;
use super::store::{Endpoint, endpoint_set};
use crate::Sandbox;

pub(crate) fn routes() -> Router<Sandbox> {
    Router::new().route("/v1/webhook-endpoint", put(set))
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct EndpointSet {
    url: String,
    /// Base64.
    secret: String,
}

async fn set(
    State(app): State<Sandbox>,
    Account(context): Account,
    Body(EndpointSet { url, secret }): Body<EndpointSet>,
) -> Result<Json<Value>, Fault> {
    if !url.starts_with("http://") && !url.starts_with("https://") {
        let detail = "An address that begins with http:// or https://.";
        return Err(Fault::invalid("/url", ViolationCode::Format, detail));
    }
    let secret =
        STANDARD.decode(secret).map_err(|_| Fault::invalid("/secret", ViolationCode::Format, "Base64 of the secret."))?;
    let endpoint = Endpoint { url, secret };
    app.db.transaction(&context, async |tx| Ok(endpoint_set(tx, &endpoint).await?)).await?;
    Ok(Json(json!({ "url": endpoint.url })))
}
