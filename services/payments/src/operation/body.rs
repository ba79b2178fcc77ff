//! An operation as REST shows it.

use bloom_kernel::{Currency, Money, OperationId, PaymentId, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;

use super::model::{Failure, Operation, OperationKind, OperationStatus};

/// One request to the provider about a payment.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "PaymentOperation")]
pub(crate) struct OperationBody {
    /// Id; derived from the Idempotency-Key of the request.
    pub id: OperationId,
    /// The payment.
    pub payment_id: PaymentId,
    /// What was asked.
    pub kind: OperationKind,
    /// How much; 0 for a void that waits for other outcomes, or found nothing to void.
    pub amount: Money,
    /// Progress.
    pub status: OperationStatus,
    /// The operation that the provider took back with this one.
    pub reverses: Option<OperationId>,
    /// The provider's reference.
    pub provider_reference: Option<String>,
    /// Why it failed.
    pub failure: Option<Failure>,
    /// Who asked.
    pub actor: String,
    /// When it was asked.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl OperationBody {
    /// The operation with its amount in the currency of its payment.
    pub(crate) fn new(operation: &Operation, currency: Currency) -> Self {
        Self {
            id: operation.id,
            payment_id: operation.payment_id,
            kind: operation.kind,
            amount: Money::new(operation.amount, currency),
            status: operation.status,
            reverses: operation.reverses,
            provider_reference: operation.provider_reference.clone(),
            failure: operation.failure.clone(),
            actor: operation.actor.clone(),
            created_at: operation.created_at,
            updated_at: operation.updated_at,
        }
    }
}
