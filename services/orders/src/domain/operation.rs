//! What an order asks of other services: recorded before it is asked, asked until it is settled.

use bloom_kernel::{OperationId, OrderId, PaymentId, Timestamp};
use uuid::Uuid;

use super::checkout::Failure;
use super::fulfilment::Units;

/// What is asked of whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Payments: draw promised money.
    Capture,
    /// Payments: give drawn money back.
    Refund,
    /// Payments: give up what is promised.
    Void,
    /// Inventory: allocated units have left.
    Ship,
    /// Inventory: allocated units are free again.
    Release,
}

impl Kind {
    /// The machine word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Capture => "capture",
            Self::Refund => "refund",
            Self::Void => "void",
            Self::Ship => "ship",
            Self::Release => "release",
        }
    }

    /// The other way.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Capture, Self::Refund, Self::Void, Self::Ship, Self::Release].into_iter().find(|kind| kind.as_str() == word)
    }
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OperationStatus {
    /// Asked for, not settled.
    Running,
    /// Done.
    Succeeded,
    /// Refused for good.
    Failed,
}

impl OperationStatus {
    /// The machine word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
        }
    }

    /// The other way.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Running, Self::Succeeded, Self::Failed].into_iter().find(|status| status.as_str() == word)
    }
}

/// One call to another service.
#[derive(Debug, Clone)]
pub struct Operation {
    /// Its id: the idempotency key over there.
    pub id: OperationId,
    /// The order that needs it.
    pub order_id: OrderId,
    /// The order's payment.
    pub payment_id: Option<PaymentId>,
    /// What is asked.
    pub kind: Kind,
    /// How far it is.
    pub status: OperationStatus,
    /// Minor units, of captures and refunds.
    pub amount: Option<i64>,
    /// The refund or fulfilment that it belongs to.
    pub subject: Option<Uuid>,
    /// Units, of shipments and releases.
    pub units: Vec<Units>,
    /// Of a shipment: its parcel was packed in the same step, and is given up when stock refuses it.
    pub with_parcel: bool,
    /// Why it was refused.
    pub failure: Option<Failure>,
    /// Who asked.
    pub actor: String,
    /// How often it was asked after.
    pub attempts: i32,
    /// When it was asked for.
    pub created_at: Timestamp,
}
