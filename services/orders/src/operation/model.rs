//! An operation: one call to another service.

use bloom_kernel::{LocationId, Money, OperationId, OrderId, OrderLineId, PaymentId, Timestamp, VariantId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::failure::Failure;

/// What is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OperationKind {
    /// payments: capture authorised money.
    Capture,
    /// payments: refund captured money.
    Refund,
    /// payments: void what is authorised and not captured.
    Void,
    /// inventory: allocated units have left.
    Ship,
    /// inventory: allocated units are free again.
    Release,
}

impl OperationKind {
    const ALL: [Self; 5] = [Self::Capture, Self::Refund, Self::Void, Self::Ship, Self::Release];

    /// The stored word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Capture => "capture",
            Self::Refund => "refund",
            Self::Void => "void",
            Self::Ship => "ship",
            Self::Release => "release",
        }
    }

    /// The kind of a stored word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// How far an operation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OperationStatus {
    /// No final answer yet.
    Running,
    /// Done.
    Succeeded,
    /// Refused for good.
    Failed,
}

impl OperationStatus {
    /// The status of a stored word.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "running" => Some(Self::Running),
            "succeeded" => Some(Self::Succeeded),
            "failed" => Some(Self::Failed),
            _ => None,
        }
    }
}

/// Units of a variant at a location, in a call to inventory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockUnits {
    /// The order's line.
    pub line_id: OrderLineId,
    /// The variant.
    pub variant_id: VariantId,
    /// The location.
    pub location_id: LocationId,
    /// How many.
    pub quantity: i64,
}

/// One call to another service.
#[derive(Debug, Clone)]
pub struct Operation {
    /// Its id: the idempotency key of the call.
    pub id: OperationId,
    /// The order that needs it.
    pub order_id: OrderId,
    /// The order's payment.
    pub payment_id: Option<PaymentId>,
    /// What is called.
    pub kind: OperationKind,
    /// How far it is.
    pub status: OperationStatus,
    /// Minor units, of captures and refunds.
    pub amount: Option<i64>,
    /// The refund or fulfilment that it belongs to.
    pub target_id: Option<Uuid>,
    /// Units, of shipments and releases.
    pub units: Vec<StockUnits>,
    /// Of a shipment: its fulfilment was created by the same request, and is canceled if inventory refuses the shipment.
    pub with_fulfilment: bool,
    /// Why it was refused.
    pub failure: Option<Failure>,
    /// The caller that requested it.
    pub actor: String,
    /// How many calls had no final answer.
    pub attempts: i32,
    /// When it was requested.
    pub created_at: Timestamp,
}

impl Operation {
    /// Sets the amount of a capture or refund.
    #[must_use]
    pub fn with_amount(mut self, amount: Money) -> Self {
        self.amount = Some(amount.amount());
        self
    }

    /// Sets the units of a shipment or release.
    #[must_use]
    pub fn with_units(mut self, units: Vec<StockUnits>) -> Self {
        self.units = units;
        self
    }

    /// Sets the refund or fulfilment that it belongs to.
    #[must_use]
    pub fn with_target(mut self, target: impl Into<Uuid>) -> Self {
        self.target_id = Some(target.into());
        self
    }

    /// Marks a shipment whose fulfilment was created by the same request.
    #[must_use]
    pub fn with_new_fulfilment(mut self) -> Self {
        self.with_fulfilment = true;
        self
    }
}
