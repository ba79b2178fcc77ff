//! A connection: the stored row, its body, its inputs and their rules.

use bloom_fault::{Code, Fault};
use bloom_kernel::{ConnectionId, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::check_text;
use crate::provider::ProviderKind;

/// A connection as it is stored, its secrets sealed.
#[derive(Clone, Debug)]
pub(crate) struct Connection {
    /// Id.
    pub id: ConnectionId,
    /// The provider.
    pub provider: ProviderKind,
    /// The merchant's name for it.
    pub name: String,
    /// The key that the provider knows the merchant by, sealed.
    pub credentials: Option<Vec<u8>>,
    /// The secret that the provider signs with, sealed.
    pub webhook_secret: Option<Vec<u8>>,
    /// The webhook address that the provider was last given.
    pub registered_url: Option<String>,
    /// Used when a payment names no provider.
    pub is_default: bool,
    /// Open for new payments.
    pub active: bool,
    /// Grows with every change.
    pub version: i64,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// How payments reach a provider. Its secrets can be written and never read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Connection")]
pub(crate) struct ConnectionDto {
    /// Id.
    pub id: ConnectionId,
    /// The provider.
    pub provider: ProviderKind,
    /// The merchant's name for it.
    pub name: String,
    /// Where the provider sends its notices; `null` when it sends none.
    pub webhook_url: Option<String>,
    /// Used when a payment names no provider.
    pub is_default: bool,
    /// Open for new payments; operations on older ones continue.
    pub active: bool,
    /// Grows with every change.
    pub version: i64,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl ConnectionDto {
    /// The connection without its secrets.
    pub(crate) fn new(row: &Connection, notices_url: &str) -> Self {
        let webhook_url = match row.provider {
            ProviderKind::Sandbox => Some(webhook_url(notices_url, row.id)),
            ProviderKind::Manual => None,
        };
        Self {
            id: row.id,
            provider: row.provider,
            name: row.name.clone(),
            webhook_url,
            is_default: row.is_default,
            active: row.active,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// A new connection.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConnectionCreate {
    /// The provider.
    pub provider: ProviderKind,
    /// The merchant's name for it; the provider's name when absent.
    #[schemars(length(min = 1, max = 255))]
    pub name: Option<String>,
    /// The key that the provider knows you by. The sandbox opens an account for a new key when there is none.
    #[schemars(length(min = 24, max = 255))]
    pub credentials: Option<String>,
    /// The secret that the provider signs its notices with; generated when absent.
    #[schemars(length(min = 24, max = 255))]
    pub webhook_secret: Option<String>,
    /// Use it when a payment names no provider.
    #[serde(default)]
    pub is_default: bool,
}

/// Changes of a connection; an absent field stays.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConnectionUpdate {
    /// The merchant's name for it.
    #[schemars(length(min = 1, max = 255))]
    pub name: Option<String>,
    /// The key that the provider knows you by.
    #[schemars(length(min = 24, max = 255))]
    pub credentials: Option<String>,
    /// The secret that the provider signs its notices with.
    #[schemars(length(min = 24, max = 255))]
    pub webhook_secret: Option<String>,
    /// Use it when a payment names no provider. Setting it clears the flag of the former default.
    pub is_default: Option<bool>,
    /// Open for new payments.
    pub active: Option<bool>,
}

impl ConnectionCreate {
    pub(crate) fn check(&self) -> Result<(), Fault> {
        if let Some(name) = &self.name {
            check_text("/name", name, 255)?;
        }
        check_secrets(self.credentials.as_deref(), self.webhook_secret.as_deref())?;
        if self.provider == ProviderKind::Manual && (self.credentials.is_some() || self.webhook_secret.is_some()) {
            return Err(secrets_not_used());
        }
        Ok(())
    }
}

impl ConnectionUpdate {
    pub(crate) fn check(&self) -> Result<(), Fault> {
        if let Some(name) = &self.name {
            check_text("/name", name, 255)?;
        }
        check_secrets(self.credentials.as_deref(), self.webhook_secret.as_deref())
    }

    pub(crate) const fn changes_secrets(&self) -> bool {
        self.credentials.is_some() || self.webhook_secret.is_some()
    }
}

impl Connection {
    /// Applies an update without its secrets.
    pub(crate) fn update(&mut self, input: ConnectionUpdate, now: Timestamp) -> Result<(), Fault> {
        self.name = input.name.unwrap_or_else(|| std::mem::take(&mut self.name));
        self.active = input.active.unwrap_or(self.active);
        self.is_default = input.is_default.unwrap_or(self.is_default);
        self.version += 1;
        self.updated_at = now;
        if self.is_default && !self.active {
            return Err(Fault::new(
                Code::Conflict,
                "default_connection_closed",
                "The default connection has to be active; make another one the default first.",
            ));
        }
        Ok(())
    }
}

fn check_secrets(credentials: Option<&str>, webhook_secret: Option<&str>) -> Result<(), Fault> {
    for (pointer, secret) in [("/credentials", credentials), ("/webhook_secret", webhook_secret)] {
        let Some(secret) = secret else { continue };
        check_text(pointer, secret, 255)?;
        if secret.len() < 24 || !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Fault::invalid(pointer, "shape", "24 to 255 visible ASCII characters."));
        }
    }
    Ok(())
}

/// A manual connection was given secrets.
pub(crate) fn secrets_not_used() -> Fault {
    Fault::invalid("/credentials", "not_used", "A manual connection has no credentials and no webhook secret.")
}

/// No connection fits.
pub(crate) fn connection_missing() -> Fault {
    Fault::new(
        Code::Unprocessable,
        "payment_connection_missing",
        "There is no active payment connection for this. Create one under /v1/payments/connections.",
    )
}

/// Where a provider sends the notices of a connection.
pub(crate) fn webhook_url(notices_url: &str, connection: ConnectionId) -> String {
    format!("{}/v1/payments/webhooks/{connection}", notices_url.trim_end_matches('/'))
}
