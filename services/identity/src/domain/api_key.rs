//! API keys: how one is made, replaced and revoked.

use bloom_fault::{Code, Fault};
use bloom_kernel::api_key::{Kind, Mode, Shape};
use bloom_kernel::{ApiKeyId, ChannelId, TenantId, Timestamp};
use chrono::TimeDelta;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::text::check_name;

const NAME_CHARS_MAX: usize = 100;
const HINT_CHARS: usize = 4;

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
    /// Its name in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Secret => "secret",
            Self::Publishable => "publishable",
        }
    }

    /// The kind of a name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Secret, Self::Publishable].into_iter().find(|kind| kind.as_str() == name)
    }
}

/// Which kind of environment a key opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum KeyMode {
    /// The live environment.
    Live,
    /// A sandbox.
    Test,
}

impl KeyMode {
    /// Its name in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Test => "test",
        }
    }

    /// The mode of a name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Live, Self::Test].into_iter().find(|mode| mode.as_str() == name)
    }
}

/// What a key's text starts with.
pub const fn shape(kind: KeyKind, mode: KeyMode) -> Shape {
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApiKey {
    /// Its id, which the log names.
    pub id: ApiKeyId,
    /// The environment that it opens.
    pub environment_id: TenantId,
    /// Secret or publishable.
    pub kind: KeyKind,
    /// Live or test, as the environment is.
    pub mode: KeyMode,
    /// For people.
    pub name: String,
    /// The last characters of its text.
    pub hint: String,
    /// The permissions that it carries.
    pub scopes: Vec<String>,
    /// The channel that its requests are made in; the environment's default when null.
    pub channel_id: Option<ChannelId>,
    /// When it ceases to work.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// The key that it replaces.
    pub rotated_from: Option<ApiKeyId>,
    /// The key that replaces it.
    pub rotated_to: Option<ApiKeyId>,
    /// When it was last used, within a minute or so.
    pub last_used_at: Option<Timestamp>,
    /// Counts the changes (uses are none).
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// A key to be.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApiKeyCreate {
    /// Secret or publishable.
    pub kind: KeyKind,
    /// For people.
    #[schemars(length(min = 1, max = 100))]
    pub name: String,
    /// Permissions; when left out, all that the asking key carries and the kind may have.
    #[schemars(length(min = 1, max = 50))]
    #[serde(default)]
    pub scopes: Option<Vec<String>>,
    /// The channel that its requests are made in.
    #[serde(default)]
    pub channel_id: Option<ChannelId>,
    /// When it ceases to work; never when left out.
    #[serde(default, deserialize_with = "bloom_kernel::moment")]
    pub expires_at: Option<Timestamp>,
    /// The environment that it opens: the asking key's own, or a sandbox of the live environment.
    #[serde(default)]
    pub environment_id: Option<TenantId>,
}

/// How to replace a key.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApiKeyRotate {
    /// For how many seconds the old key works on: a day when left out, 30 days at most.
    #[schemars(range(max = 2_592_000))]
    #[serde(default = "day_s")]
    pub overlap_s: u32,
}

const OVERLAP_S_MAX: u32 = 30 * 86_400;

const fn day_s() -> u32 {
    86_400
}

/// A new key with its text.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApiKeyCreated {
    /// The key.
    pub api_key: ApiKey,
    /// The text of the key: shown this once, and not again when the request is repeated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

impl std::fmt::Debug for ApiKeyCreated {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApiKeyCreated").field("api_key", &self.api_key).finish_non_exhaustive()
    }
}

/// A key in the moment of its making: the only value that knows its text.
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

impl IssuedKey {
    /// The reply to who asked for the key, and the one to who asks again.
    pub fn replies(self) -> (ApiKeyCreated, ApiKeyCreated) {
        let again = ApiKeyCreated { api_key: self.api_key.clone(), secret: None };
        (ApiKeyCreated { api_key: self.api_key, secret: Some(self.secret) }, again)
    }
}

/// What a new key is made of, once it is known to be allowed.
#[derive(Debug)]
pub struct NewKey {
    /// Its id.
    pub id: ApiKeyId,
    /// The environment that it opens.
    pub environment_id: TenantId,
    /// Secret or publishable.
    pub kind: KeyKind,
    /// Live or test.
    pub mode: KeyMode,
    /// For people.
    pub name: String,
    /// The permissions that it carries.
    pub scopes: Vec<String>,
    /// The channel that its requests are made in.
    pub channel_id: Option<ChannelId>,
    /// When it ceases to work.
    pub expires_at: Option<Timestamp>,
}

impl ApiKey {
    /// A new key with this text.
    pub fn new(new: NewKey, token: &str, now: Timestamp) -> Result<Self, Fault> {
        check_name("/name", &new.name, NAME_CHARS_MAX)?;
        if new.expires_at.is_some_and(|expiry| expiry <= now) {
            return Err(Fault::invalid("/expires_at", "past", "lies in the past; give a moment that is yet to come"));
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

    /// Whether it opens anything.
    pub fn is_active(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|expiry| now < expiry)
    }

    /// The key after its revocation; a revoked key stays as it is.
    #[must_use]
    pub fn revoked(self, now: Timestamp) -> Self {
        if self.revoked_at.is_some() {
            return self;
        }
        Self { revoked_at: Some(now), version: self.version + 1, updated_at: now, ..self }
    }

    /// Replaces the key: the old one, which works on for the overlap, and what its successor is made of.
    ///
    /// Of the keys that replaced each other at most two are active, so `predecessor` must not be.
    pub fn rotated(
        &self,
        predecessor: Option<&Self>,
        successor: ApiKeyId,
        input: &ApiKeyRotate,
        now: Timestamp,
    ) -> Result<(Self, NewKey), Fault> {
        if OVERLAP_S_MAX < input.overlap_s {
            return Err(Fault::invalid("/overlap_s", "maximum", format!("is at most {OVERLAP_S_MAX}")));
        }
        if self.rotated_to.is_some() {
            return Err(refused("api_key_rotated", "This key has been replaced already; rotate its successor."));
        }
        if !self.is_active(now) {
            return Err(refused("api_key_inactive", "This key is revoked or expired; create a new one."));
        }
        if predecessor.is_some_and(|older| older.is_active(now)) {
            let detail =
                "The key that this one replaces still works. Revoke it or wait for its end: two may be active, not three.";
            return Err(refused("rotation_in_progress", detail));
        }
        let end = now + TimeDelta::seconds(i64::from(input.overlap_s));
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
            // A key that was made for 90 days is followed by one for 90 days.
            expires_at: self.expires_at.map(|expiry| now + (expiry - self.created_at)),
        };
        Ok((old, new))
    }
}

fn refused(reason: &'static str, detail: &str) -> Fault {
    Fault::new(Code::Conflict, reason, detail)
}
