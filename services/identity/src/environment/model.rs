//! An environment, its inputs and its rules.

use bloom_fault::Fault;
use bloom_kernel::{
    AccountId, Aggregate, ApiKeyId, Currency, Form, Locale, Name, TenantId, Timestamp, ViolationCode, set, text, update,
};
use bloom_runtime::Scopes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::api_key::{ApiKey, KeyKind, KeyMode, KeyName, NewKey, grant};

text! {
    /// IANA name of a time zone. Whether it exists is asked of the database.
    pub struct TimeZone { length: 1..=64, form: Form::LINE, example: "Asia/Kolkata" }
}

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
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Environment {
    /// Its id.
    pub id: TenantId,
    /// The account that owns it.
    pub account_id: AccountId,
    /// Live or sandbox.
    pub kind: EnvironmentKind,
    /// Name for people.
    pub name: Name,
    /// The cell that it lives in.
    pub cell: String,
    /// IANA time zone.
    pub time_zone: TimeZone,
    /// BCP 47 tag of its default language.
    pub locale: Locale,
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
    pub name: Name,
    /// IANA time zone.
    #[serde(default)]
    pub time_zone: Option<TimeZone>,
    /// BCP 47 tag of its default language.
    #[serde(default)]
    pub locale: Option<Locale>,
    /// Its default currency.
    #[serde(default)]
    pub currency: Option<Currency>,
}

update! {
    /// A change of an environment; absent fields keep their value.
    pub(crate) struct EnvironmentUpdate {
        /// Name for people.
        pub name: Option<Name>,
        /// IANA time zone.
        pub time_zone: Option<TimeZone>,
        /// BCP 47 tag of its default language.
        pub locale: Option<Locale>,
        /// Its default currency.
        pub currency: Option<Currency>,
    }
}

/// A new sandbox with its first secret key.
#[derive(Serialize, JsonSchema)]
pub(crate) struct EnvironmentCreated {
    /// The sandbox.
    pub environment: Environment,
    /// Its first key, with the scopes of the key that made the request.
    pub api_key: ApiKey,
    /// The text of the key: shown this once, and absent when the request is repeated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

impl std::fmt::Debug for EnvironmentCreated {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EnvironmentCreated").field("environment", &self.environment).finish_non_exhaustive()
    }
}

impl Environment {
    /// A new sandbox beside the live environment.
    pub(super) fn sandbox(live: &Self, id: TenantId, now: Timestamp, input: EnvironmentCreate) -> Self {
        let EnvironmentCreate { name, time_zone, locale, currency } = input;
        Self {
            id,
            account_id: live.account_id,
            kind: EnvironmentKind::Sandbox,
            name,
            cell: live.cell.clone(),
            time_zone: time_zone.unwrap_or_else(|| live.time_zone.clone()),
            locale: locale.unwrap_or_else(|| live.locale.clone()),
            currency: currency.unwrap_or(live.currency),
            version: 1,
            created_at: now,
            updated_at: now,
        }
    }

    /// Changes the given fields; the version stays when none of them differs.
    pub(super) fn update(&mut self, now: Timestamp, input: EnvironmentUpdate) {
        let before = self.clone();
        let EnvironmentUpdate { name, time_zone, locale, currency } = input;
        set(&mut self.name, name);
        set(&mut self.time_zone, time_zone);
        set(&mut self.locale, locale);
        set(&mut self.currency, currency);
        if *self != before {
            self.version += 1;
            self.updated_at = now;
        }
    }

    /// The first key of this environment, with all scopes of the creating key that the kind may carry.
    pub(crate) fn first_key(&self, id: ApiKeyId, kind: KeyKind, name: &str, maker: &Scopes) -> Result<NewKey, Fault> {
        Ok(NewKey {
            id,
            environment_id: self.id,
            kind,
            mode: self.kind.mode(),
            name: KeyName::new(name).map_err(Fault::internal)?,
            scopes: grant(kind, None, maker)?,
            channel_id: None,
            expires_at: None,
        })
    }
}

impl Aggregate for Environment {
    const NOUN: &'static str = "environment";
    type Id = TenantId;

    fn id(&self) -> TenantId {
        self.id
    }

    fn version(&self) -> i64 {
        self.version
    }
}

/// The refusal of a time zone that the database does not know.
pub(super) fn time_zone_unknown() -> Fault {
    Fault::invalid("/time_zone", ViolationCode::Unknown, "Give an IANA time zone, for example Asia/Kolkata.")
}
