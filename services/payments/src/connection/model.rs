//! A connection, its inputs and their rules.

use bloom_fault::{Code, Fault, refuse_card_number};
use bloom_kernel::{Aggregate, ConnectionId, Form, Name, Timestamp, ViolationCode, set, text, update};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::provider::ProviderKind;

text! {
    /// A key or secret shared with a provider.
    pub(crate) struct Secret {
        length: 24..=255,
        form: Form::pattern("^[!-~]*$", is_visible_ascii, "Give visible ASCII characters without spaces."),
        example: "sbx_5f3a9c1e7b2d4f6a8c0e",
    }
}

fn is_visible_ascii(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// How payments reach a provider. Its secrets can be written and never read.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(crate) struct PaymentConnection {
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
    /// Rises with each change.
    pub version: i64,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// The key that the provider knows the merchant by, sealed.
    #[serde(skip)]
    pub credentials: Option<Vec<u8>>,
    /// The secret that the provider signs with, sealed.
    #[serde(skip)]
    pub webhook_secret: Option<Vec<u8>>,
}

/// A new connection.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PaymentConnectionCreate {
    /// The provider.
    pub provider: ProviderKind,
    /// The merchant's name for it; the provider's name when absent.
    pub name: Option<Name>,
    /// The key that the provider knows you by. The sandbox opens an account for a new key when there is none.
    pub credentials: Option<Secret>,
    /// The secret that the provider signs its notices with; generated when absent.
    pub webhook_secret: Option<Secret>,
    /// Use it when a payment names no provider.
    #[serde(default)]
    pub is_default: bool,
}

update! {
    /// Changes of a connection; a field that is absent stays as it is.
    pub(crate) struct PaymentConnectionUpdate {
        /// The merchant's name for it.
        pub name: Option<Name>,
        /// The key that the provider knows you by.
        pub credentials: Option<Secret>,
        /// The secret that the provider signs its notices with.
        pub webhook_secret: Option<Secret>,
        /// Use it when a payment names no provider. Setting it clears the flag of the former default.
        pub is_default: Option<bool>,
        /// Open for new payments.
        pub active: Option<bool>,
    }
}

impl PaymentConnectionCreate {
    /// Refuses secrets of a manual connection, and texts that look like a card number.
    pub(super) fn check(&self) -> Result<(), Fault> {
        refuse_card_numbers(self.name.as_ref(), self.credentials.as_ref(), self.webhook_secret.as_ref())?;
        if self.provider == ProviderKind::Manual && (self.credentials.is_some() || self.webhook_secret.is_some()) {
            return Err(secrets_excluded());
        }
        Ok(())
    }
}

impl PaymentConnectionUpdate {
    /// Refuses texts that look like a card number.
    pub(super) fn check(&self) -> Result<(), Fault> {
        refuse_card_numbers(self.name.as_ref(), self.credentials.as_ref(), self.webhook_secret.as_ref())
    }

    pub(super) const fn changes_secrets(&self) -> bool {
        self.credentials.is_some() || self.webhook_secret.is_some()
    }
}

impl PaymentConnection {
    /// Applies an update without its secrets.
    pub(super) fn update(&mut self, now: Timestamp, input: PaymentConnectionUpdate) -> Result<(), Fault> {
        let PaymentConnectionUpdate { name, is_default, active, credentials: _, webhook_secret: _ } = input;
        set(&mut self.name, name.map(String::from));
        set(&mut self.active, active);
        set(&mut self.is_default, is_default);
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

impl Aggregate for PaymentConnection {
    const NOUN: &'static str = "connection";
    type Id = ConnectionId;

    fn id(&self) -> ConnectionId {
        self.id
    }

    fn version(&self) -> i64 {
        self.version
    }
}

fn refuse_card_numbers(name: Option<&Name>, credentials: Option<&Secret>, webhook_secret: Option<&Secret>) -> Result<(), Fault> {
    let texts = [
        ("/name", name.map(Name::as_str)),
        ("/credentials", credentials.map(Secret::as_str)),
        ("/webhook_secret", webhook_secret.map(Secret::as_str)),
    ];
    texts.into_iter().try_for_each(|(pointer, text)| text.map_or(Ok(()), |text| refuse_card_number(pointer, text)))
}

/// A manual connection was given secrets.
pub(super) fn secrets_excluded() -> Fault {
    let detail = "A manual connection has no credentials and no webhook secret.";
    Fault::invalid("/credentials", ViolationCode::Excluded, detail)
}

/// No connection fits.
pub(super) fn connection_missing() -> Fault {
    Fault::new(
        Code::Unprocessable,
        "payment_connection_missing",
        "There is no active payment connection for this. Create one under /v1/payments/connections.",
    )
}

/// Where a provider sends the notices of a connection.
pub(super) fn webhook_url(notices_url: &str, connection: ConnectionId) -> String {
    format!("{}/v1/payments/webhooks/{connection}", notices_url.trim_end_matches('/'))
}
