//! One thing asked of the provider, under an id that the asker chose.

use bloom_kernel::{OperationId, PaymentId, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum OperationKind {
    /// Promise the money.
    Authorise,
    /// Draw promised money.
    Capture,
    /// Give up what is promised and not drawn.
    Void,
    /// Give drawn money back.
    Refund,
}

impl OperationKind {
    /// The word in database and API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Authorise => "authorise",
            Self::Capture => "capture",
            Self::Void => "void",
            Self::Refund => "refund",
        }
    }
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum OperationStatus {
    /// Recorded; perhaps sent.
    Init,
    /// The provider works on it, or it waits for the outcome of others.
    Pending,
    /// Done.
    Success,
    /// Not done, and it will not be.
    Failed,
    /// The provider's answer did not reach us; it is being asked.
    Unknown,
}

impl OperationStatus {
    /// The word in database and API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Init => "init",
            Self::Pending => "pending",
            Self::Success => "success",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        }
    }

    /// True while the outcome is still to come.
    pub const fn is_open(self) -> bool {
        match self {
            Self::Init | Self::Pending | Self::Unknown => true,
            Self::Success | Self::Failed => false,
        }
    }
}

/// Why a provider did not do it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum FailureCode {
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
    /// The word in database and API.
    pub const fn as_str(self) -> &'static str {
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
pub struct Failure {
    /// Machine word.
    pub code: FailureCode,
    /// Sentence for people.
    pub message: String,
}

impl Failure {
    /// A failure in a sentence.
    pub fn new(code: FailureCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

/// An operation as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// Chosen by the asker; the provider's idempotency key too.
    pub id: OperationId,
    /// The payment.
    pub payment_id: PaymentId,
    /// What was asked.
    pub kind: OperationKind,
    /// Minor units; 0 for a void that still waits or found nothing.
    pub amount: i64,
    /// How far it is.
    pub status: OperationStatus,
    /// Tells a repeat from another request under the same id.
    pub fingerprint: Vec<u8>,
    /// The operation that this one takes back.
    pub reverses: Option<OperationId>,
    /// The provider's name for it.
    pub provider_reference: Option<String>,
    /// The provider's count of changes up to the report applied last; 0 before the first.
    pub provider_sequence: i64,
    /// Why it failed.
    pub failure: Option<Failure>,
    /// Who asked.
    pub actor: String,
    /// When it was recorded.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// The id of an operation that follows from something else, the same each time: a repeated cause finds it there.
pub fn derived_id(purpose: &str, parts: &[&[u8]]) -> OperationId {
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
