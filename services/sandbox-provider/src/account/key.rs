//! The keys of a request: the bearer key, whose digest is the account's id, and the idempotency key. There is no sign-up:
//! an account exists once its key is used.

use axum::extract::FromRequestParts;
use bloom_fault::{Code, Fault};
use bloom_kernel::TenantId;
use bloom_runtime::RequestContext;
use http::header;
use http::request::Parts;
use schemars::JsonSchema;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::NAME;

/// The account of a request.
pub(crate) struct Account(pub(crate) RequestContext);

impl<S: Send + Sync> FromRequestParts<S> for Account {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Fault> {
        let key = parts
            .headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "))
            .filter(|key| 24 <= key.len() && key.len() <= 255)
            .ok_or_else(|| {
                let detail = "Send Authorization: Bearer with a key of 24 to 255 characters.";
                Fault::new(Code::Unauthenticated, "key_missing", detail)
            })?;
        let digest = Sha256::digest(key);
        let mut id = [0_u8; 16];
        id.copy_from_slice(&digest[..16]);
        Ok(Self(background(TenantId::from_uuid(Uuid::from_bytes(id)))))
    }
}

/// The request context of an account.
pub(crate) fn background(account: TenantId) -> RequestContext {
    RequestContext::background(NAME, account, "account")
}

/// The `Idempotency-Key` that every write needs.
pub(crate) struct IdempotencyKey(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Fault> {
        let key = parts.headers.get("idempotency-key").and_then(|value| value.to_str().ok());
        let detail = "Send an Idempotency-Key of 1 to 255 characters.";
        let key = key.filter(|key| !key.is_empty() && key.len() <= 255);
        let key = key.ok_or_else(|| Fault::new(Code::Invalid, "idempotency_key_required", detail))?;
        Ok(Self(key.to_owned()))
    }
}

/// Looks an object up by the key of the request that created it.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeyQuery {
    pub idempotency_key: String,
}
