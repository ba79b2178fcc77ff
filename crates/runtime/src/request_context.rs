//! The context of a request: its caller, tenant, rights and deadline.

use std::sync::Arc;
use std::time::Duration;

use bloom_fault::{Code, Fault};
use bloom_kernel::{ChannelId, TenantId};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;

/// Stands for "no tenant": the platform's own requests and time.
pub const PLATFORM: TenantId = TenantId::from_uuid(uuid::Uuid::nil());
/// Deadline of a request whose caller sets none.
pub const DEFAULT_DEADLINE: Duration = Duration::from_secs(30);
/// Longest deadline that a caller may set, for large uploads.
pub const LONGEST_DEADLINE: Duration = Duration::from_hours(1);

/// The kind of a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    /// A secret key: the merchant's own backend.
    Secret,
    /// A publishable key: a storefront in the buyer's hands.
    Publishable,
    /// Another service of the fleet.
    Service,
}

/// Permissions of a caller, for example `catalog:read`; `*` grants all, `catalog:*` all of one service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scopes(Arc<[String]>);

impl Scopes {
    /// The given permissions.
    pub fn new(scopes: impl IntoIterator<Item = String>) -> Self {
        Self(scopes.into_iter().collect())
    }

    /// All permissions.
    pub fn all() -> Self {
        Self::new(["*".to_owned()])
    }

    /// True when the permission is granted.
    pub fn allow(&self, permission: &str) -> bool {
        self.0.iter().any(|scope| {
            scope == "*"
                || scope == permission
                || scope.strip_suffix('*').is_some_and(|prefix| prefix.ends_with(':') && permission.starts_with(prefix))
        })
    }

    /// The permissions as they were granted.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

/// The context of one request, timer or event.
#[derive(Clone, Debug)]
pub struct RequestContext {
    /// The environment; every row read or written belongs to it.
    pub tenant: TenantId,
    /// Who caused this: `key:key_…`, `service:orders`, `operator`.
    pub actor: String,
    /// What the caller may do.
    pub scopes: Scopes,
    /// The kind of the caller.
    pub audience: Audience,
    /// Channel named by the request or fixed by the key.
    pub channel: Option<ChannelId>,
    /// Identifies the request in every log line, problem and reply.
    pub request_id: String,
    /// `Idempotency-Key` of the request.
    pub idempotency_key: Option<String>,
    /// The caller does not wait beyond this.
    pub deadline: Instant,
    /// W3C traceparent of the span that this work belongs to.
    pub trace: Option<String>,
}

impl RequestContext {
    /// The context of background work: timers, consumers, resumed sagas. `actor` is the original caller.
    pub fn background(service: &str, tenant: TenantId, actor: &str) -> Self {
        Self {
            tenant,
            actor: actor.to_owned(),
            scopes: Scopes::all(),
            audience: Audience::Service,
            channel: None,
            request_id: format!("bg_{service}"),
            idempotency_key: None,
            deadline: Instant::now() + DEFAULT_DEADLINE,
            trace: None,
        }
    }

    /// Refuses a caller without the permission; the refusal names the policy.
    pub fn require(&self, permission: &'static str) -> Result<(), Fault> {
        if self.scopes.allow(permission) {
            return Ok(());
        }
        let way_out = match self.audience {
            Audience::Publishable if !bloom_fleet::PUBLISHABLE.contains(&permission) => {
                "A publishable key never does: use a secret key."
            }
            Audience::Publishable | Audience::Secret | Audience::Service => "Use a key that does, or create one with this scope.",
        };
        let detail = format!("This key does not carry the permission `{permission}`. {way_out}");
        Err(Fault::new(Code::Forbidden, "permission_missing", detail).policy(format!("scope:{permission}")))
    }

    /// The idempotency key; an error if the request has none, for operations that move money.
    pub fn require_idempotency_key(&self) -> Result<&str, Fault> {
        self.idempotency_key.as_deref().ok_or_else(|| {
            Fault::new(
                Code::Invalid,
                "idempotency_key_required",
                "This operation moves money or stock. Send an Idempotency-Key header (at most 255 characters) so that a retry cannot do it twice.",
            )
        })
    }

    /// Time left before the deadline; zero when it has passed.
    pub fn remaining(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }
}

/// A named operation of a request, with a digest of its input to recognise a retry of the same request.
#[derive(Clone, Debug)]
pub struct Operation<'r> {
    /// The request.
    pub context: &'r RequestContext,
    /// Name of the operation, for example `order_refund`.
    pub name: &'static str,
    /// Digest of name, channel, kind of key and input.
    pub fingerprint: Vec<u8>,
}

/// What must be equal for two requests to be the same.
#[derive(Serialize)]
struct Fingerprinted<'a, T> {
    publishable: bool,
    /// From the header or the key: in another channel the same body means something else.
    channel: Option<ChannelId>,
    input: &'a T,
}

impl RequestContext {
    /// The operation of this request. The fingerprint is computed before the operation consumes its input.
    pub fn operation(&self, name: &'static str, input: &impl Serialize) -> Operation<'_> {
        // Without a key no reply is stored, so no fingerprint is needed.
        let fingerprint = match &self.idempotency_key {
            Some(_) => {
                let publishable = self.audience == Audience::Publishable;
                fingerprint(name, &Fingerprinted { publishable, channel: self.channel, input })
            }
            None => Vec::new(),
        };
        Operation { context: self, name, fingerprint }
    }
}

/// A digest of operation and input. Inputs are structs of strings, numbers and sorted maps, so their serialisation is
/// canonical and cannot fail.
pub fn fingerprint(operation: &str, input: &impl Serialize) -> Vec<u8> {
    let mut hash = Sha256::new();
    hash.update(operation.as_bytes());
    hash.update([0]);
    hash.update(serde_json::to_vec(input).unwrap_or_default());
    hash.finalize().to_vec()
}
