//! Accounts: the customers of Bloom.

use bloom_kernel::{AccountId, Currency, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::api_key::IssuedKey;
use crate::domain::environment::Environment;

/// A customer of Bloom.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// The business.
    pub name: String,
    /// Counts the changes.
    pub version: i64,
    /// When it was founded.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// What an account begins with.
#[derive(Debug, Clone)]
pub struct AccountCreate {
    /// The business.
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
    pub live: Founded,
    /// A sandbox.
    pub sandbox: Founded,
}

/// A new environment with its first keys; their secrets are shown this once.
#[derive(Debug)]
pub struct Founded {
    /// The environment.
    pub environment: Environment,
    /// For servers.
    pub secret_key: IssuedKey,
    /// For browsers and apps.
    pub publishable_key: IssuedKey,
}
