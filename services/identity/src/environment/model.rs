//! An environment, its inputs and its rules.

use bloom_fault::Fault;
use bloom_kernel::{AccountId, ApiKeyId, Currency, TenantId, Timestamp};
use bloom_runtime::Scopes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::api_key::{ApiKey, KeyKind, KeyMode, NewKey, grant};
use crate::text::check_name;

const NAME_CHARS_MAX: usize = 255;

/// What an environment is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EnvironmentKind {
    /// Real customers, real money. An account has one.
    Live,
    /// For tests. An account has any number of them.
    Sandbox,
}

impl EnvironmentKind {
    /// The value in the database.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Sandbox => "sandbox",
        }
    }

    /// The kind of a value in the database.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        [Self::Live, Self::Sandbox].into_iter().find(|kind| kind.as_str() == name)
    }

    /// The mode of its keys.
    pub(crate) const fn mode(self) -> KeyMode {
        match self {
            Self::Live => KeyMode::Live,
            Self::Sandbox => KeyMode::Test,
        }
    }
}

/// A tenant: all other data in Bloom belongs to one environment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Environment {
    /// Its id.
    pub id: TenantId,
    /// The account that owns it.
    pub account_id: AccountId,
    /// Live or sandbox.
    pub kind: EnvironmentKind,
    /// Name for people.
    pub name: String,
    /// The cell that it lives in.
    pub cell: String,
    /// IANA time zone.
    pub time_zone: String,
    /// BCP 47 tag of its default language.
    pub locale: String,
    /// Its default currency.
    pub currency: Currency,
    /// Rises with every change; the `ETag`.
    pub version: i64,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// A new sandbox; an absent field is taken from the live environment.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EnvironmentCreate {
    /// Name for people.
    #[schemars(length(min = 1, max = 255))]
    pub name: String,
    /// IANA time zone.
    #[serde(default)]
    pub time_zone: Option<String>,
    /// BCP 47 tag of its default language.
    #[serde(default)]
    pub locale: Option<String>,
    /// Its default currency.
    #[serde(default)]
    pub currency: Option<Currency>,
}

/// A change of an environment; absent fields keep their value.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EnvironmentUpdate {
    /// Name for people.
    #[schemars(length(min = 1, max = 255))]
    #[serde(default)]
    pub name: Option<String>,
    /// IANA time zone.
    #[serde(default)]
    pub time_zone: Option<String>,
    /// BCP 47 tag of its default language.
    #[serde(default)]
    pub locale: Option<String>,
    /// Its default currency.
    #[serde(default)]
    pub currency: Option<Currency>,
}

/// A new sandbox with its first secret key.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EnvironmentCreated {
    /// The sandbox.
    pub environment: Environment,
    /// Its first key, with the scopes of the key that made the request.
    pub api_key: ApiKey,
    /// The text of the key: shown this once, and absent when the request is repeated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

impl std::fmt::Debug for EnvironmentCreated {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EnvironmentCreated").field("environment", &self.environment).finish_non_exhaustive()
    }
}

impl Environment {
    /// A new sandbox beside the live environment.
    pub(crate) fn sandbox(live: &Self, id: TenantId, input: EnvironmentCreate, now: Timestamp) -> Result<Self, Fault> {
        Self {
            id,
            account_id: live.account_id,
            kind: EnvironmentKind::Sandbox,
            name: input.name,
            cell: live.cell.clone(),
            time_zone: input.time_zone.unwrap_or_else(|| live.time_zone.clone()),
            locale: input.locale.unwrap_or_else(|| live.locale.clone()),
            currency: input.currency.unwrap_or(live.currency),
            version: 1,
            created_at: now,
            updated_at: now,
        }
        .checked()
    }

    /// The environment after a change; the same version when nothing changes.
    pub(crate) fn updated(&self, input: EnvironmentUpdate, now: Timestamp) -> Result<Self, Fault> {
        let mut next = self.clone();
        next.name = input.name.unwrap_or(next.name);
        next.time_zone = input.time_zone.unwrap_or(next.time_zone);
        next.locale = input.locale.unwrap_or(next.locale);
        next.currency = input.currency.unwrap_or(next.currency);
        if next != *self {
            next.version += 1;
            next.updated_at = now;
        }
        next.checked()
    }

    /// Refuses what is not well-formed. Whether the time zone exists is asked of the database.
    pub(crate) fn checked(self) -> Result<Self, Fault> {
        check_name("/name", &self.name, NAME_CHARS_MAX)?;
        if !is_locale(&self.locale) {
            let message = "is a BCP 47 tag of language, script and region, such as `en-IN` or `zh-Hant-TW`";
            return Err(Fault::invalid("/locale", "malformed", message));
        }
        Ok(self)
    }

    /// A first key of this environment, with all scopes of its maker that the kind may carry.
    pub(crate) fn first_key(&self, id: ApiKeyId, kind: KeyKind, name: String, maker: &Scopes) -> Result<NewKey, Fault> {
        Ok(NewKey {
            id,
            environment_id: self.id,
            kind,
            mode: self.kind.mode(),
            name,
            scopes: grant(kind, None, maker)?,
            channel_id: None,
            expires_at: None,
        })
    }
}

/// The refusal of a time zone that the database does not know.
pub(crate) fn time_zone_unknown() -> Fault {
    Fault::invalid("/time_zone", "unknown", "is an IANA time zone such as `Asia/Kolkata`")
}

/// `language[-Script][-REGION]`, each in its usual case.
fn is_locale(tag: &str) -> bool {
    let mut parts = tag.split('-').peekable();
    let language = parts.next().unwrap_or_default();
    if !(2..=3).contains(&language.len()) || !language.bytes().all(|byte| byte.is_ascii_lowercase()) {
        return false;
    }
    parts.next_if(|part| is_script(part));
    parts.next_if(|part| is_region(part));
    parts.next().is_none()
}

fn is_script(part: &str) -> bool {
    let (first, rest) = part.split_at_checked(1).unwrap_or_default();
    part.len() == 4 && first.bytes().all(|byte| byte.is_ascii_uppercase()) && rest.bytes().all(|byte| byte.is_ascii_lowercase())
}

fn is_region(part: &str) -> bool {
    let letters = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_uppercase());
    let digits = part.len() == 3 && part.bytes().all(|byte| byte.is_ascii_digit());
    letters || digits
}
