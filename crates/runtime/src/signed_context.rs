//! The signed form of a [`RequestContext`](crate::RequestContext) that the gateway passes to services, and services to each other.
//!
//! `v1.<base64url of the claims as JSON>.<base64url of HMAC-SHA256>`. A MAC suffices because every verifier belongs to
//! the fleet. It expires after at most 60 s. No service accepts a tenant, actor or scope from anywhere else.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use bloom_kernel::{ChannelId, TenantId, Timestamp};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;

use crate::keys::{Keys, mac};
use crate::request_context::{Audience, Scopes};

/// Header (and gRPC metadata key) that carries the context.
pub const HEADER: &str = "bloom-context";
/// Maximum lifetime of a context.
pub const TTL_S: i64 = 60;
const VERSION: &str = "v1";

/// The claims of a context.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// The environment.
    pub tenant: TenantId,
    /// The cell of the environment.
    pub cell: String,
    /// Who caused the request.
    pub actor: String,
    /// What it may do.
    pub scopes: Scopes,
    /// The kind of the caller.
    pub audience: Audience,
    /// Channel of the key, when it has one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub channel: Option<ChannelId>,
    /// Expiry in seconds since the epoch.
    pub expires: i64,
}

/// Signs claims.
///
/// # Panics
///
/// Never: claims always serialise.
pub fn sign(keys: &Keys, claims: &Claims) -> String {
    let body = BASE64.encode(serde_json::to_vec(claims).expect("claims serialise"));
    let tag = BASE64.encode(mac(keys.context(), &[VERSION.as_bytes(), b".", body.as_bytes()]));
    format!("{VERSION}.{body}.{tag}")
}

/// The claims of a context, if this fleet signed it and it has not expired.
pub fn verify(keys: &Keys, token: &str, now: Timestamp) -> Option<Claims> {
    let (signed, tag) = token.rsplit_once('.')?;
    let (version, body) = signed.split_once('.')?;
    if version != VERSION {
        return None;
    }
    let expected = mac(keys.context(), &[signed.as_bytes()]);
    if !bool::from(BASE64.decode(tag).ok()?.ct_eq(&expected)) {
        return None;
    }
    let claims: Claims = serde_json::from_slice(&BASE64.decode(body).ok()?).ok()?;
    let left = claims.expires - now.timestamp();
    (0 < left && left <= TTL_S).then_some(claims)
}
