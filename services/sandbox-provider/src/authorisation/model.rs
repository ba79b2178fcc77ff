//! An authorisation and its permitted movements.

use bloom_fault::{Code, Fault};
use bloom_kernel::{Currency, TenantId, Timestamp, ViolationCode};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::object::{MovementKind, ObjectId, ObjectKind, Status};
use crate::scenario::Token;

/// Money reserved on a payer's instrument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Authorisation {
    /// The account.
    pub tenant_id: TenantId,
    pub id: Uuid,
    /// The key of the request that created it.
    pub idempotency_key: String,
    /// Distinguishes a retry from another request under the same key.
    pub fingerprint: Vec<u8>,
    /// Minor units.
    pub amount: i64,
    pub currency: Currency,
    /// Decides how it and its movements behave.
    pub token: Token,
    /// Where the payer's browser goes after the issuer's check.
    pub return_url: Option<String>,
    pub status: Status,
    pub failure_code: Option<String>,
    /// Captured, or being captured.
    pub captured_amount: i64,
    pub voided_amount: i64,
    pub refunded_amount: i64,
    /// Counts its changes, from 1.
    pub sequence: i64,
    pub created_at: Timestamp,
}

impl Authorisation {
    /// Subtracts a movement from the remaining amount, or refuses it.
    pub(crate) fn draw(&mut self, kind: MovementKind, amount: i64) -> Result<(), Fault> {
        if amount <= 0 {
            return Err(Fault::invalid("/amount", ViolationCode::OutOfRange, "An amount is above 0."));
        }
        if self.status != Status::Succeeded {
            return Err(Fault::new(Code::Unprocessable, "not_authorised", "The authorisation has not succeeded."));
        }
        let (left, drawn) = match kind {
            MovementKind::Capture => (self.left_to_capture(), &mut self.captured_amount),
            MovementKind::Void => (self.left_to_capture(), &mut self.voided_amount),
            MovementKind::Refund => (self.captured_amount - self.refunded_amount, &mut self.refunded_amount),
        };
        if left < amount {
            return Err(Fault::new(Code::Unprocessable, "amount_too_large", format!("At most {left} minor units are left.")));
        }
        *drawn += amount;
        Ok(())
    }

    fn left_to_capture(&self) -> i64 {
        self.amount - self.captured_amount - self.voided_amount
    }

    /// The object as callers see it.
    pub(crate) fn body(&self, public_url: &str) -> Value {
        let waits = self.status == Status::RequiresAction;
        json!({
            "id": self.object_id().to_string(),
            "object": ObjectKind::Authorisation.as_str(),
            "idempotency_key": self.idempotency_key,
            "status": self.status,
            "sequence": self.sequence,
            "amount": self.amount,
            "currency": self.currency,
            "captured_amount": self.captured_amount,
            "voided_amount": self.voided_amount,
            "refunded_amount": self.refunded_amount,
            "action_url": waits.then(|| self.action_url(public_url)),
            "failure_code": self.failure_code,
            "failure_message": self.failure_code.as_deref().map(message),
            "created_at": self.created_at,
        })
    }

    /// Its id as callers see it.
    pub(crate) const fn object_id(&self) -> ObjectId {
        ObjectId { kind: ObjectKind::Authorisation, id: self.id }
    }

    /// The page of the issuer's check. It names the account because a browser carries no key.
    fn action_url(&self, public_url: &str) -> String {
        format!("{}/3ds/{}?account={}", public_url.trim_end_matches('/'), self.object_id(), self.tenant_id)
    }
}

fn message(code: &str) -> &'static str {
    match code {
        "card_declined" => "The card was declined.",
        "authentication_failed" => "The payer did not pass the issuer's check.",
        "expired" => "The payer did not come to the issuer's check in time.",
        _ => "It failed.",
    }
}
