//! Authorisations and what is drawn from them.

use bloom_kernel::{Currency, TenantId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::Token;

/// How an object stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum Status {
    /// Being worked on.
    Pending,
    /// The payer has to pass the issuer's check.
    RequiresAction,
    /// Done.
    Succeeded,
    /// Not done.
    Failed,
}

impl Status {
    /// The word in database and API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::RequiresAction => "requires_action",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
        }
    }
}

/// What is drawn, given up or given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum MovementKind {
    /// Drawn.
    Capture,
    /// Given up.
    Void,
    /// Given back.
    Refund,
}

impl MovementKind {
    /// The word in database and API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Capture => "capture",
            Self::Void => "void",
            Self::Refund => "refund",
        }
    }
}

/// Any object, as its id tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An authorisation.
    Authorisation,
    /// A movement.
    Movement(MovementKind),
}

impl Kind {
    const ALL: [Self; 4] = [
        Self::Authorisation,
        Self::Movement(MovementKind::Capture),
        Self::Movement(MovementKind::Void),
        Self::Movement(MovementKind::Refund),
    ];

    const fn prefix(self) -> &'static str {
        match self {
            Self::Authorisation => "auth_",
            Self::Movement(MovementKind::Capture) => "cap_",
            Self::Movement(MovementKind::Void) => "void_",
            Self::Movement(MovementKind::Refund) => "ref_",
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Authorisation => "authorisation",
            Self::Movement(kind) => kind.as_str(),
        }
    }

    /// The text of an id.
    pub fn id(self, id: Uuid) -> String {
        format!("{}{}", self.prefix(), id.simple())
    }

    /// The kind and id of a text.
    pub fn parse(text: &str) -> Option<(Self, Uuid)> {
        let kind = Self::ALL.into_iter().find(|kind| text.starts_with(kind.prefix()))?;
        Some((kind, Uuid::try_parse(&text[kind.prefix().len()..]).ok()?))
    }
}

/// A promise of money.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authorisation {
    /// The account.
    pub tenant_id: TenantId,
    /// Id.
    pub id: Uuid,
    /// The caller's name for the request that made it.
    pub idempotency_key: String,
    /// Tells a repeat from another request under the same key.
    pub fingerprint: Vec<u8>,
    /// Minor units.
    pub amount: i64,
    /// Their currency.
    pub currency: Currency,
    /// Decides how it and its movements behave.
    pub token: Token,
    /// Where the payer's browser goes after the issuer's check.
    pub return_url: Option<String>,
    /// How it stands.
    pub status: Status,
    /// Why it failed.
    pub failure_code: Option<String>,
    /// Drawn, or being drawn.
    pub captured_amount: i64,
    /// Given up.
    pub voided_amount: i64,
    /// Given back.
    pub refunded_amount: i64,
    /// Counts its changes, from 1.
    pub sequence: i64,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Authorisation {
    /// What may still be drawn or given up.
    pub fn left(&self) -> i64 {
        self.amount - self.captured_amount - self.voided_amount
    }

    /// As callers see it.
    pub fn json(&self, public_url: &str) -> Value {
        let waits = self.status == Status::RequiresAction;
        json!({
            "id": Kind::Authorisation.id(self.id),
            "object": "authorisation",
            "idempotency_key": self.idempotency_key,
            "status": self.status,
            "sequence": self.sequence,
            "amount": self.amount,
            "currency": self.currency,
            "captured_amount": self.captured_amount,
            "voided_amount": self.voided_amount,
            "refunded_amount": self.refunded_amount,
            "action_url": waits.then(|| action_url(public_url, self)),
            "failure_code": self.failure_code,
            "failure_message": self.failure_code.as_deref().map(message),
            "created_at": self.created_at,
        })
    }
}

/// The page on which the payer passes the issuer's check. The account is named because a browser carries no key.
fn action_url(public_url: &str, authorisation: &Authorisation) -> String {
    let (base, id) = (public_url.trim_end_matches('/'), Kind::Authorisation.id(authorisation.id));
    format!("{base}/3ds/{id}?account={}", authorisation.tenant_id)
}

fn message(code: &str) -> &'static str {
    match code {
        "card_declined" => "The card was declined.",
        "authentication_failed" => "The payer did not pass the issuer's check.",
        "expired" => "The payer did not come to the issuer's check in time.",
        _ => "It failed.",
    }
}

/// Money drawn, given up or given back under an authorisation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Movement {
    /// Id.
    pub id: Uuid,
    /// The authorisation.
    pub authorisation_id: Uuid,
    /// Which way.
    pub kind: MovementKind,
    /// The caller's name for the request that made it.
    pub idempotency_key: String,
    /// Tells a repeat from another request under the same key.
    pub fingerprint: Vec<u8>,
    /// Minor units.
    pub amount: i64,
    /// How it stands.
    pub status: Status,
    /// Counts its changes, from 1.
    pub sequence: i64,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Movement {
    /// As callers see it.
    pub fn json(&self) -> Value {
        let kind = Kind::Movement(self.kind);
        json!({
            "id": kind.id(self.id),
            "object": kind.word(),
            "authorisation": Kind::Authorisation.id(self.authorisation_id),
            "idempotency_key": self.idempotency_key,
            "status": self.status,
            "sequence": self.sequence,
            "amount": self.amount,
            "created_at": self.created_at,
        })
    }
}
