//! Accounts. A bearer key of the right form is an account: its digest is the account's id, so that whoever knows the key
//! owns it, and there is nobody to ask for one.

use axum::Router;
use axum::extract::{FromRequestParts, State};
use axum::routing::put;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bloom_fault::{Code, Fault};
use bloom_kernel::TenantId;
use bloom_runtime::RequestContext;
use bloom_web::Json;
use http::header;
use http::request::Parts;
use schemars::JsonSchema;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::store::endpoint::{Endpoint, endpoint_set};
use crate::{NAME, Sandbox};

/// The account that asks.
pub(super) struct Account(pub(super) RequestContext);

impl<S: Send + Sync> FromRequestParts<S> for Account {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Fault> {
        let key = parts
            .headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "))
            .filter(|key| 24 <= key.len() && key.len() <= 255)
            .ok_or_else(|| {
                Fault::new(Code::Unauthenticated, "key_missing", "Send Authorization: Bearer with a key of 24 to 255 characters.")
            })?;
        let digest = Sha256::digest(key);
        let mut id = [0_u8; 16];
        id.copy_from_slice(&digest[..16]);
        Ok(Self(call_of(TenantId::from_uuid(Uuid::from_bytes(id)))))
    }
}

/// Work for an account.
pub(super) fn call_of(account: TenantId) -> RequestContext {
    RequestContext::background(NAME, account, "account")
}

pub(super) fn routes() -> Router<Sandbox> {
    Router::new().route("/v1/webhook-endpoint", put(endpoint_put))
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct EndpointPut {
    url: String,
    /// Base64.
    secret: String,
}

async fn endpoint_put(
    State(app): State<Sandbox>,
    Account(call): Account,
    Json(input): Json<EndpointPut>,
) -> Result<axum::Json<serde_json::Value>, Fault> {
    if !input.url.starts_with("http://") && !input.url.starts_with("https://") {
        return Err(Fault::invalid("/url", "scheme", "An address that begins with http:// or https://."));
    }
    let secret = STANDARD.decode(&input.secret).map_err(|_| Fault::invalid("/secret", "base64", "Base64 of the secret."))?;
    let mut tx = app.db.write(&call).await?;
    let now = app.host.now(call.tenant);
    endpoint_set(&mut tx, call.tenant, &Endpoint { url: input.url.clone(), secret }, now).await?;
    tx.commit().await?;
    Ok(axum::Json(serde_json::json!({ "url": input.url })))
}
