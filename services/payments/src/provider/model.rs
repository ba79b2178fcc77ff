//! What is sent to a provider and what it replies.

use bloom_fault::{Code, Fault};
use bloom_kernel::{ConnectionId, Currency, OperationId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::operation::{Failure, OperationKind};

/// Who moves the money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
#[schemars(rename = "PaymentProvider")]
pub(crate) enum ProviderKind {
    /// The test provider.
    Sandbox,
    /// People: the merchant reports what happened.
    Manual,
}

impl ProviderKind {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Sandbox => "sandbox",
            Self::Manual => "manual",
        }
    }
}

/// The merchant's account at a provider.
#[derive(Clone, Copy)]
pub(crate) struct ProviderAccount<'a> {
    pub connection: ConnectionId,
    pub provider: ProviderKind,
    /// The key that the provider knows the merchant by; empty for people.
    pub credentials: &'a str,
}

/// What a provider is to do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ProviderRequest<'a> {
    /// The provider's idempotency key.
    pub operation: OperationId,
    pub kind: OperationKind,
    /// Minor units.
    pub amount: i64,
    pub currency: Currency,
    /// The payer's instrument; an authorisation has one.
    pub token: Option<&'a str>,
    /// The authorisation that is captured, voided or refunded.
    pub authorisation: Option<&'a str>,
    /// Where the payer's browser comes back.
    pub return_url: Option<&'a str>,
}

/// The reply to a request or a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ProviderReply {
    /// The provider reports the state of the operation.
    Report(ProviderReport),
    /// The provider refused to begin; nothing happened there.
    Refused(Failure),
    /// No connection was made: nothing was sent.
    NotSent(String),
    /// The provider knows no such operation.
    NotFound,
    /// No reply, or none that can be read.
    Unknown(String),
}

/// The state of an operation at the provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ProviderReport {
    /// The provider's reference of the operation.
    pub reference: String,
    /// The provider's count of changes, from 1: of two reports the one with the higher count is newer.
    pub sequence: i64,
    /// The state.
    pub state: ProviderState,
}

/// A state that a provider can report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ProviderState {
    /// Not done yet.
    Pending {
        /// Where the payer has to go for it.
        action_url: Option<String>,
    },
    /// Done.
    Succeeded,
    /// Not done, and it will not be, or no longer true.
    Failed(Failure),
}

/// The provider does not answer.
pub(super) fn unavailable(cause: impl Into<String>) -> Fault {
    Fault::new(Code::Unavailable, "payment_provider_unavailable", "The payment provider does not answer.")
        .retry_after(10)
        .source(cause.into())
}
