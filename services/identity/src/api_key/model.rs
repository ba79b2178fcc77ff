//! An API key, its inputs, and how it is created, replaced and revoked.

use bloom_fault::{Code, Fault};
use bloom_kernel::api_key::{Kind, Mode, Shape};
use bloom_kernel::{Aggregate, ApiKeyId, ChannelId, Form, Items, Moment, TenantId, Timestamp, ViolationCode, number, text};
use chrono::TimeDelta;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::api_key_rotated;

const HINT_CHARS: usize = 4;
/// The most scopes of a key.
pub(super) const SCOPES_MAX: usize = 50;

text! {
    /// Name of a key, for people.
    pub struct KeyName { length: 1..=100, form: Form::LINE, example: "ERP" }
}

text! {
    /// A permission, all permissions of one resource (`orders:*`), or all (`*`).
    pub(crate) struct Scope {
        length: 1..=64,
        form: Form::pattern("^([*]|[a-z_]+:([*]|[a-z_]+))$", is_scope, "Give a permission, `<resource>:*` or `*`."),
        example: "orders:read",
    }
}

number! {
    /// Seconds for which a replaced key still works: at most 30 days.
    pub(crate) struct Overlap(i32) { range: 0..=2_592_000, default: 86_400, example: 3_600 }
}

fn is_scope(text: &str) -> bool {
    let is_word = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    text == "*" || text.split_once(':').is_some_and(|(resource, action)| is_word(resource) && (action == "*" || is_word(action)))
}

/// What a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum KeyKind {
    /// For servers: `sk_…`.
    Secret,
    /// For browsers and apps: `pk_…`.
    Publishable,
}

impl KeyKind {
    /// The value in the database.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Secret => "secret",
            Self::Publishable => "publishable",
        }
    }

    /// The kind of a value in the database.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        [Self::Secret, Self::Publishable].into_iter().find(|kind| kind.as_str() == name)
    }
}

/// Which kind of environment a key gives access to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum KeyMode {
    /// The live environment.
    Live,
    /// A sandbox.
    Test,
}

impl KeyMode {
    /// The value in the database.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Test => "test",
        }
    }

    /// The mode of a value in the database.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        [Self::Live, Self::Test].into_iter().find(|mode| mode.as_str() == name)
    }
}

/// The prefix of a key's text.
pub(super) const fn shape(kind: KeyKind, mode: KeyMode) -> Shape {
    let kind = match kind {
        KeyKind::Secret => Kind::Secret,
        KeyKind::Publishable => Kind::Publishable,
    };
    let mode = match mode {
        KeyMode::Live => Mode::Live,
        KeyMode::Test => Mode::Test,
    };
    Shape { kind, mode }
}

/// A key, without its text.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ApiKey {
    /// Its id, which logs contain.
    pub id: ApiKeyId,
    /// The environment that it gives access to.
    pub environment_id: TenantId,
    /// Secret or publishable.
    pub kind: KeyKind,
    /// Live or test, as the environment is.
    pub mode: KeyMode,
    /// Name for people.
    pub name: KeyName,
    /// The last characters of its text.
    pub hint: String,
    /// The permissions that it carries.
    pub scopes: Vec<String>,
    /// The channel of its requests; `null`: the environment's default channel.
    pub channel_id: Option<ChannelId>,
    /// When it expires; `null`: never.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// The key that it replaces.
    pub rotated_from: Option<ApiKeyId>,
    /// The key that replaces it.
    pub rotated_to: Option<ApiKeyId>,
    /// When it was last used; up to a minute late.
    pub last_used_at: Option<Timestamp>,
    /// Rises with every change; a use is no change.
    pub version: i64,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// A new key.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ApiKeyCreate {
    /// Secret or publishable.
    pub kind: KeyKind,
    /// Name for people.
    pub name: KeyName,
    /// Permissions; absent: all of the requesting key that the kind may carry.
    #[serde(default)]
    pub scopes: Option<Items<Scope, 1, SCOPES_MAX>>,
    /// The channel of its requests.
    #[serde(default)]
    pub channel_id: Option<ChannelId>,
    /// When it expires; never when absent.
    #[serde(default)]
    pub expires_at: Option<Moment>,
    /// The environment that it gives access to: that of the requesting key, or a sandbox of the live environment.
    #[serde(default)]
    pub environment_id: Option<TenantId>,
}

/// How to replace a key.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ApiKeyRotate {
    /// For how many seconds the old key still works: a day when absent, at most 30 days.
    #[serde(default)]
    pub overlap_s: Overlap,
}

/// A new key with its text.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ApiKeyCreated {
    /// The key.
    pub api_key: ApiKey,
    /// The text of the key: shown this once, and absent when the request is repeated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

impl std::fmt::Debug for ApiKeyCreated {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApiKeyCreated").field("api_key", &self.api_key).finish_non_exhaustive()
    }
}

/// A new key together with its text, which no other value holds.
pub struct IssuedKey {
    /// The key.
    pub api_key: ApiKey,
    /// Its text.
    pub secret: String,
}

impl std::fmt::Debug for IssuedKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IssuedKey").field("api_key", &self.api_key).finish_non_exhaustive()
    }
}

/// A new key whose scopes are checked, before it has a text.
#[derive(Debug)]
pub(crate) struct NewKey {
    /// Its id.
    pub id: ApiKeyId,
    /// The environment that it gives access to.
    pub environment_id: TenantId,
    /// Secret or publishable.
    pub kind: KeyKind,
    /// Live or test.
    pub mode: KeyMode,
    /// Name for people.
    pub name: KeyName,
    /// The permissions that it carries.
    pub scopes: Vec<String>,
    /// The channel of its requests.
    pub channel_id: Option<ChannelId>,
    /// When it expires.
    pub expires_at: Option<Timestamp>,
}

impl ApiKey {
    /// A new key with this text.
    pub(super) fn new(new: NewKey, token: &str, now: Timestamp) -> Result<Self, Fault> {
        if new.expires_at.is_some_and(|expiry| expiry <= now) {
            return Err(Fault::invalid("/expires_at", ViolationCode::OutOfRange, "Give a time in the future."));
        }
        Ok(Self {
            id: new.id,
            environment_id: new.environment_id,
            kind: new.kind,
            mode: new.mode,
            name: new.name,
            hint: token[token.len().saturating_sub(HINT_CHARS)..].to_owned(),
            scopes: new.scopes,
            channel_id: new.channel_id,
            expires_at: new.expires_at,
            revoked_at: None,
            rotated_from: None,
            rotated_to: None,
            last_used_at: None,
            version: 1,
            created_at: now,
            updated_at: now,
        })
    }

    /// Neither revoked nor expired.
    fn is_active(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|expiry| now < expiry)
    }

    /// Revokes the key; false when it was revoked before, and then nothing changes.
    pub(super) fn revoke(&mut self, now: Timestamp) -> bool {
        let active = self.revoked_at.is_none();
        if active {
            self.revoked_at = Some(now);
            self.version += 1;
            self.updated_at = now;
        }
        active
    }

    /// Replaces the key: answers the old one, which still works for the overlap, and its successor.
    ///
    /// At most two keys of a chain are active, so `predecessor` must not be.
    pub(super) fn rotated(
        &self,
        predecessor: Option<&Self>,
        successor: ApiKeyId,
        overlap: Overlap,
        now: Timestamp,
    ) -> Result<(Self, NewKey), Fault> {
        if self.rotated_to.is_some() {
            return Err(api_key_rotated());
        }
        if !self.is_active(now) {
            return Err(refused("api_key_inactive", "This key is revoked or expired; create a new one."));
        }
        if predecessor.is_some_and(|older| older.is_active(now)) {
            let detail =
                "The key that this one replaced still works. Revoke it or wait until it expires: at most two may be active.";
            return Err(refused("rotation_in_progress", detail));
        }
        let end = now + TimeDelta::seconds(i64::from(overlap.get()));
        let old = Self {
            expires_at: Some(self.expires_at.map_or(end, |expiry| expiry.min(end))),
            rotated_to: Some(successor),
            version: self.version + 1,
            updated_at: now,
            ..self.clone()
        };
        let new = NewKey {
            id: successor,
            environment_id: self.environment_id,
            kind: self.kind,
            mode: self.mode,
            name: self.name.clone(),
            scopes: self.scopes.clone(),
            channel_id: self.channel_id,
            // A key with a lifetime of 90 days is replaced by one with 90 days.
            expires_at: self.expires_at.map(|expiry| now + (expiry - self.created_at)),
        };
        Ok((old, new))
    }
}

impl Aggregate for ApiKey {
    const NOUN: &'static str = "api_key";
    type Id = ApiKeyId;

    fn id(&self) -> ApiKeyId {
        self.id
    }

    fn version(&self) -> i64 {
        self.version
    }
}

fn refused(reason: &'static str, detail: &str) -> Fault {
    Fault::new(Code::Conflict, reason, detail)
}

pub(super) fn not_found() -> Fault {
    Fault::not_found("API key")
}
