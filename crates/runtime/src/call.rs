//! Who asks, for which tenant, with which rights, and until when.

use std::sync::Arc;
use std::time::Duration;

use bloom_fault::{Code, Fault};
use bloom_kernel::{ChannelId, TenantId};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

/// The tenant of what belongs to no tenant: the platform's own calls and time.
pub const PLATFORM: TenantId = TenantId::from_uuid(uuid::Uuid::nil());
/// Longest time one request may take when its caller named no deadline.
pub const DEFAULT_DEADLINE: Duration = Duration::from_secs(30);
/// Longest time that a caller may name: an upload of a file of any size takes its time.
pub const LONGEST_DEADLINE: Duration = Duration::from_hours(1);

/// What kind of caller this is.
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

/// Permissions that a caller holds, for example `catalog:read`; `*` is all of them, `catalog:*` all of one service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scopes(Arc<[String]>);

impl Scopes {
    /// The given permissions.
    pub fn new(scopes: impl IntoIterator<Item = String>) -> Self {
        Self(scopes.into_iter().collect())
    }

    /// Every permission.
    pub fn all() -> Self {
        Self::new(["*".to_owned()])
    }

    /// True when the permission is among them.
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

/// One request, command or event being worked on.
#[derive(Clone, Debug)]
pub struct Call {
    /// The environment asked for; every row touched belongs to it.
    pub tenant: TenantId,
    /// Who caused this: `key:key_…`, `service:orders`, `operator`.
    pub actor: String,
    /// What the caller may do.
    pub scopes: Scopes,
    /// What kind of caller it is.
    pub audience: Audience,
    /// Channel named by the request or fixed by the key.
    pub channel: Option<ChannelId>,
    /// The same on every log line, problem and reply of this request.
    pub request_id: String,
    /// `Idempotency-Key` of the request.
    pub idempotency_key: Option<String>,
    /// The answer is worth nothing after this.
    pub deadline: Instant,
    /// W3C traceparent of the span that this work belongs to.
    pub trace: Option<String>,
}

impl Call {
    /// Work that no request waits for: timers, consumers, sagas taken up again. `actor` is who asked in the first place.
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

    /// Refuses a caller without the permission, naming the policy that refuses.
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

    /// The idempotency key, or the refusal that a request without one gets where money moves.
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
