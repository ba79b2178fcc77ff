//! Resolves an API key to its owner. A resolved key is cached for at most a minute; revocations are polled every
//! second, so that every gateway refuses a revoked key within 5 s. The key itself never leaves the gateway: only its
//! SHA-256 digest does.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use bloom_contract_identity::{ListRevocationsRequest, ResolveKeyReply, ResolveKeyRequest, identity_client::IdentityClient};
use bloom_fault::{Code, Fault};
use bloom_kernel::{TenantId, Timestamp, api_key};
use bloom_runtime::request_context::PLATFORM;
use bloom_runtime::{Audience, Peer, RequestContext, Scopes, ServiceContext};
use bloom_runtime::{signed_context as context, signed_context::Claims, signed_context::TTL_S};
use http::{HeaderMap, HeaderValue, header};
use moka::future::Cache;

use crate::limit::Limiter;
use crate::{Gateway, NAME};

/// How long a key is cached. This is also how long it works while identity is unreachable.
const KEY_TTL: Duration = Duration::from_mins(1);
/// Unknown keys are cached briefly, so that guessing keys causes little load on identity.
const UNKNOWN_TTL: Duration = Duration::from_secs(5);
const KEYS_MAX: u64 = 100_000;
const RESOLVE_DEADLINE: Duration = Duration::from_secs(2);
const REVOCATION_POLL: Duration = Duration::from_secs(1);
/// A signed context is reused until this many seconds of its life are left: longer than any deadline it must outlive.
const CONTEXT_LEFT_S: i64 = 35;

type Digest = [u8; 32];

/// The owner and the rights of a key.
pub(crate) struct Principal {
    pub(crate) key_id: String,
    pub(crate) tenant_text: String,
    claims: Claims,
    expires_at: Option<Timestamp>,
    /// Head of the revocation log when identity answered.
    cursor: i64,
    context: ArcSwap<(i64, HeaderValue)>,
}

/// Recently used keys.
pub(crate) struct KeyCache {
    identity: IdentityClient<Peer>,
    principals: Cache<Digest, Arc<Principal>>,
    unknown: Cache<Digest, ()>,
    /// Recently revoked or changed keys, each with its cursor in the revocation log. A cached principal that was
    /// resolved before that cursor is resolved again, even if its reply was in flight when the revocation arrived.
    /// Entries live longer than any cached principal.
    changed: moka::sync::Cache<String, i64>,
}

impl KeyCache {
    pub(crate) fn new(host: &ServiceContext) -> Self {
        Self {
            identity: IdentityClient::new(host.peers.get("identity")),
            principals: Cache::builder().max_capacity(KEYS_MAX).time_to_live(KEY_TTL).build(),
            unknown: Cache::builder().max_capacity(KEYS_MAX).time_to_live(UNKNOWN_TTL).build(),
            changed: moka::sync::Cache::builder().time_to_live(KEY_TTL * 2).build(),
        }
    }

    /// Returns who is asking, or a 401 that says what is wrong with the key.
    ///
    /// Identity is asked about an uncached key, unless the client's address has sent too many unknown keys.
    pub(crate) async fn authenticate(
        &self,
        host: &ServiceContext,
        limiter: &Limiter,
        client: IpAddr,
        headers: &HeaderMap,
    ) -> Result<Arc<Principal>, Fault> {
        let token = match presented(host, headers) {
            Ok(token) => token,
            Err(refused) => {
                limiter.check_anonymous(client)?;
                return Err(refused);
            }
        };
        let digest: Digest = api_key::digest(token);
        let principal = match self.principals.get(&digest).await {
            Some(principal) if self.is_current(&principal) => principal,
            Some(_) => {
                self.principals.invalidate(&digest).await;
                self.resolve(host, digest).await?
            }
            None => {
                limiter.check_guesser(client)?;
                let resolved = self.resolve(host, digest).await;
                resolved.inspect_err(|fault| {
                    if fault.code == Code::Unauthenticated {
                        limiter.count_guess(client);
                    }
                })?
            }
        };
        if principal.expires_at.is_some_and(|expiry| expiry <= host.platform_now()) {
            return Err(unknown_key());
        }
        Ok(principal)
    }

    fn is_current(&self, principal: &Principal) -> bool {
        self.changed.get(&principal.key_id).is_none_or(|cursor| cursor <= principal.cursor)
    }

    async fn resolve(&self, host: &ServiceContext, digest: Digest) -> Result<Arc<Principal>, Fault> {
        if self.unknown.contains_key(&digest) {
            return Err(unknown_key());
        }
        let found = self.principals.try_get_with(digest, self.ask_identity(host, digest)).await;
        match found {
            Ok(principal) => Ok(principal),
            Err(fault) if fault.code == Code::NotFound => {
                self.unknown.insert(digest, ()).await;
                Err(unknown_key())
            }
            Err(fault) => {
                host.metrics.count(NAME, "identity_unreachable", 1);
                Err(Fault::new(Code::Unavailable, "identity_unavailable", "").retry_after(1).source(fault.chain()))
            }
        }
    }

    async fn ask_identity(&self, host: &ServiceContext, digest: Digest) -> Result<Arc<Principal>, Fault> {
        let request = host.request(&platform_call(), ResolveKeyRequest { sha256: digest.to_vec() });
        let reply = self.identity.clone().resolve_key(request).await.map_err(Fault::from)?;
        principal(host, reply.into_inner()).map(Arc::new)
    }
}

impl Principal {
    /// The claims that the key stands for.
    pub(crate) fn claims(&self) -> &Claims {
        &self.claims
    }

    /// The signed context to forward; signed again shortly before it expires.
    pub(crate) fn context(&self, host: &ServiceContext) -> HeaderValue {
        let now = host.platform_now().timestamp();
        let cached = self.context.load();
        if cached.0 - now > CONTEXT_LEFT_S && cached.0 - now <= TTL_S {
            return cached.1.clone();
        }
        let claims = Claims { expires: now + TTL_S, ..self.claims.clone() };
        // A signed context is base64 and dots, which is always a valid header value.
        let value = HeaderValue::from_str(&context::sign(&host.keys, &claims)).unwrap_or(HeaderValue::from_static(""));
        self.context.store(Arc::new((claims.expires, value.clone())));
        value
    }
}

/// Removes revoked and changed keys from the cache, for as long as the gateway runs.
pub(crate) async fn follow_revocations(gateway: Arc<Gateway>) {
    let Gateway { host, key_cache, .. } = &*gateway;
    let mut cursor = 0;
    loop {
        tokio::select! {
            () = tokio::time::sleep(REVOCATION_POLL) => {}
            () = host.shutdown.cancelled() => return,
        }
        let request = host.request(&platform_call(), ListRevocationsRequest { after: cursor });
        match key_cache.identity.clone().list_revocations(request).await {
            Ok(reply) => {
                let reply = reply.into_inner();
                cursor = reply.cursor;
                host.metrics.level(NAME, "revocations_cursor", cursor);
                for key_id in reply.key_ids {
                    key_cache.changed.insert(key_id, cursor);
                }
            }
            Err(status) => {
                host.metrics.count(NAME, "revocation_poll_failed", 1);
                tracing::debug!(code = ?status.code(), "revocations could not be polled; cached keys live a minute at most");
            }
        }
    }
}

/// The key of a request. A mistyped or invented key fails its checksum and is refused without a call to identity.
fn presented<'h>(host: &ServiceContext, headers: &'h HeaderMap) -> Result<&'h str, Fault> {
    let token = bearer(headers)?;
    if api_key::parse(token).is_none() {
        host.metrics.count(NAME, "key_checksum_refused", 1);
        let detail = "The API key is not well-formed; it was probably cut off when it was copied.";
        return Err(unauthenticated("key_malformed", detail));
    }
    Ok(token)
}

fn bearer(headers: &HeaderMap) -> Result<&str, Fault> {
    let value = headers.get(header::AUTHORIZATION).ok_or_else(|| {
        unauthenticated("key_missing", "Send your API key as `Authorization: Bearer sk_…` (or pk_… from a storefront).")
    })?;
    let scheme = "Bearer ";
    value
        .to_str()
        .ok()
        .filter(|text| text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)))
        .map(|text| text[scheme.len()..].trim())
        .ok_or_else(|| unauthenticated("key_missing", "The Authorization header carries no API key: it reads `Bearer sk_…`."))
}

fn principal(host: &ServiceContext, reply: ResolveKeyReply) -> Result<Principal, Fault> {
    let broken = |_| Fault::internal("identity answered with an id that is none");
    let tenant: TenantId = reply.tenant_id.parse().map_err(broken)?;
    let claims = Claims {
        tenant,
        cell: reply.cell,
        actor: format!("key:{}", reply.key_id),
        scopes: Scopes::new(reply.scopes),
        audience: if reply.secret { Audience::Secret } else { Audience::Publishable },
        channel: reply.channel_id.parse().ok(),
        expires: 0,
    };
    if claims.cell != *host.cell {
        return Err(Fault::new(Code::NotFound, "cell_other", "This environment lives in another cell."));
    }
    let expires_at = match reply.expires_at.as_str() {
        "" => None,
        text => {
            let parsed = chrono::DateTime::parse_from_rfc3339(text);
            Some(parsed.map_err(|_| Fault::internal("identity answered with a time that is none"))?.to_utc())
        }
    };
    let context = ArcSwap::from_pointee((0, HeaderValue::from_static("")));
    let cursor = reply.revocations_cursor;
    Ok(Principal { key_id: reply.key_id, tenant_text: tenant.to_string(), claims, expires_at, cursor, context })
}

/// The context of the gateway's own calls, which belong to no tenant.
fn platform_call() -> RequestContext {
    let mut call = RequestContext::background(NAME, PLATFORM, "service:gateway");
    call.deadline = tokio::time::Instant::now() + RESOLVE_DEADLINE;
    call
}

fn unknown_key() -> Fault {
    unauthenticated("key_unknown", "This API key is unknown, expired or revoked.")
}

fn unauthenticated(reason: &'static str, detail: &str) -> Fault {
    Fault::new(Code::Unauthenticated, reason, detail)
}
