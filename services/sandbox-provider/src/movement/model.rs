//! A movement of money under an authorisation.

use bloom_kernel::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::object::{MovementKind, ObjectId, ObjectKind, Status};

/// Money captured, voided or refunded under an authorisation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Movement {
    pub id: Uuid,
    pub authorisation_id: Uuid,
    pub kind: MovementKind,
    /// The key of the request that created it.
    pub idempotency_key: String,
    /// Distinguishes a retry from another request under the same key.
    pub fingerprint: Vec<u8>,
    /// Minor units.
    pub amount: i64,
    pub status: Status,
    /// Counts its changes, from 1.
    pub sequence: i64,
    pub created_at: Timestamp,
}

impl Movement {
    /// Its id as callers see it.
    pub(crate) const fn object_id(&self) -> ObjectId {
        ObjectId { kind: ObjectKind::Movement(self.kind), id: self.id }
    }

    /// The object as callers see it.
    pub(crate) fn body(&self) -> Value {
        let authorisation = ObjectId { kind: ObjectKind::Authorisation, id: self.authorisation_id };
        json!({
            "id": self.object_id().to_string(),
            "object": self.kind.as_str(),
            "authorisation": authorisation.to_string(),
            "idempotency_key": self.idempotency_key,
            "status": self.status,
            "sequence": self.sequence,
            "amount": self.amount,
            "created_at": self.created_at,
        })
    }
}

/// A collection of movements in a path.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Collection {
    Captures,
    Voids,
    Refunds,
}

impl Collection {
    pub fn kind(self) -> MovementKind {
        match self {
            Self::Captures => MovementKind::Capture,
            Self::Voids => MovementKind::Void,
            Self::Refunds => MovementKind::Refund,
        }
    }
}
