//! An operation: its kind, its status, why it failed, and ids that are derived from a cause.

use bloom_kernel::{OperationId, PaymentId, Timestamp};
use bloom_runtime::request_context::fingerprint;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// What is asked of the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
#[schemars(rename = "PaymentOperationKind")]
pub(crate) enum OperationKind {
    /// Reserve the money on the payer's instrument.
    Authorise,
    /// Draw authorised money.
    Capture,
    /// Give up what is authorised and not captured.
    Void,
    /// Give captured money back.
    Refund,
}

impl OperationKind {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Authorise => "authorise",
            Self::Capture => "capture",
            Self::Void => "void",
            Self::Refund => "refund",
        }
    }
}

/// Progress of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
#[schemars(rename = "PaymentOperationStatus")]
pub(crate) enum OperationStatus {
    /// Recorded; perhaps sent.
    Init,
    /// The provider works on it, or it waits for other outcomes.
    Pending,
    /// Done.
    Succeeded,
    /// Not done, and it will not be.
    Failed,
    /// The provider's answer did not reach us; the provider is being asked.
    Unknown,
}

impl OperationStatus {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Init => "init",
            Self::Pending => "pending",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        }
    }

    /// True while the outcome is still to come.
    pub(crate) const fn is_open(self) -> bool {
        match self {
            Self::Init | Self::Pending | Self::Unknown => true,
            Self::Succeeded | Self::Failed => false,
        }
    }
}

/// The caller that requests an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Requester {
    /// A merchant, by REST.
    Merchant,
    /// Another service, by gRPC: it owns what the payment pays for.
    Service,
}

/// Why a provider did not do it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
#[schemars(rename = "PaymentFailureCode")]
pub(crate) enum FailureCode {
    /// The issuer refused.
    CardDeclined,
    /// The payer did not pass the issuer's check.
    AuthenticationFailed,
    /// The payer or the provider let the time pass.
    Expired,
    /// The provider refused or could not do what was asked.
    ProviderError,
    /// A void found nothing authorised and uncaptured when its turn came; the provider was not asked.
    NothingToVoid,
}

impl FailureCode {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::CardDeclined => "card_declined",
            Self::AuthenticationFailed => "authentication_failed",
            Self::Expired => "expired",
            Self::ProviderError => "provider_error",
            Self::NothingToVoid => "nothing_to_void",
        }
    }
}

/// Why it failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "PaymentFailure")]
pub(crate) struct Failure {
    /// Code for programs.
    pub code: FailureCode,
    /// Sentence for people.
    pub message: String,
}

impl Failure {
    pub(crate) fn new(code: FailureCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

/// An operation as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Operation {
    /// Chosen by the caller; the provider's idempotency key too.
    pub id: OperationId,
    pub payment_id: PaymentId,
    pub kind: OperationKind,
    /// Minor units; 0 for a void that still waits or found nothing.
    pub amount: i64,
    pub status: OperationStatus,
    /// Distinguishes a retry from another request under the same id.
    pub fingerprint: Vec<u8>,
    /// The operation that this one takes back.
    pub reverses: Option<OperationId>,
    pub provider_reference: Option<String>,
    /// The provider's count of changes up to the report applied last; 0 before the first.
    pub provider_sequence: i64,
    pub failure: Option<Failure>,
    pub actor: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl Operation {
    /// An operation, recorded before the request to the provider.
    pub(crate) fn new(
        id: OperationId,
        payment_id: PaymentId,
        kind: OperationKind,
        amount: i64,
        fingerprint: Vec<u8>,
        actor: &str,
        now: Timestamp,
    ) -> Self {
        Self {
            id,
            payment_id,
            kind,
            amount,
            status: OperationStatus::Init,
            fingerprint,
            reverses: None,
            provider_reference: None,
            provider_sequence: 0,
            failure: None,
            actor: actor.to_owned(),
            created_at: now,
            updated_at: now,
        }
    }

    /// A void that waits for other outcomes.
    pub(crate) fn waiting_void(id: OperationId, payment: PaymentId, actor: &str, now: Timestamp) -> Self {
        let void = Self::new(id, payment, OperationKind::Void, 0, void_fingerprint(payment), actor, now);
        Self { status: OperationStatus::Pending, ..void }
    }

    /// The operation by which the provider takes this one back. Its id is derived from this one's, so it happens once.
    pub(crate) fn reversal(&self, actor: &str) -> Self {
        Self {
            id: derived_id("reversal", &[self.id.uuid().as_bytes()]),
            status: OperationStatus::Succeeded,
            reverses: Some(self.id),
            failure: None,
            actor: actor.to_owned(),
            created_at: self.updated_at,
            ..self.clone()
        }
    }
}

/// The fingerprint of a void: it has no input but its payment.
pub(crate) fn void_fingerprint(payment: PaymentId) -> Vec<u8> {
    fingerprint("void", &payment)
}

/// Derives the id of an operation from its cause, so that a repeated cause finds the same operation.
pub(crate) fn derived_id(purpose: &str, parts: &[&[u8]]) -> OperationId {
    let mut hash = Sha256::new();
    hash.update(purpose.as_bytes());
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let digest = hash.finalize();
    let mut bytes = [0_u8; 16];
    bytes.copy_from_slice(&digest[..16]);
    // Version 8 (free form) and the variant of RFC 9562.
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    OperationId::from_uuid(Uuid::from_bytes(bytes))
}
