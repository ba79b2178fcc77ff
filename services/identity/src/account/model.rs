//! An account, and the reply to its creation.

use bloom_kernel::{AccountId, Currency, Name, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;

use crate::api_key::IssuedKey;
use crate::environment::Environment;

/// A customer of Bloom.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// Name of the business.
    pub name: Name,
    /// Rises with every change; the `ETag`.
    pub version: i64,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// A new account, as an operator writes it.
#[derive(Debug, Clone)]
pub struct AccountCreate {
    /// Name of the business.
    pub name: String,
    /// IANA name of the time zone of both environments.
    pub time_zone: String,
    /// BCP 47 tag of their default language.
    pub locale: String,
    /// Their default currency.
    pub currency: Currency,
}

/// A new account with its two environments.
#[derive(Debug)]
pub struct AccountCreated {
    /// The account.
    pub account: Account,
    /// The live environment.
    pub live: EnvironmentWithKeys,
    /// A sandbox.
    pub sandbox: EnvironmentWithKeys,
}

/// A new environment with its first keys, whose texts are shown this once.
#[derive(Debug)]
pub struct EnvironmentWithKeys {
    /// The environment.
    pub environment: Environment,
    /// For servers.
    pub secret_key: IssuedKey,
    /// For browsers and apps.
    pub publishable_key: IssuedKey,
}

impl Account {
    /// A new account.
    pub(crate) fn new(id: AccountId, name: Name, now: Timestamp) -> Self {
        Self { id, name, version: 1, created_at: now, updated_at: now }
    }
}
