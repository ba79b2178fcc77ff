//! A payment as REST, events and the state export show it.

use bloom_kernel::{Aggregate, CheckoutId, ConnectionId, Money, OrderId, PaymentId, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;

use super::model::{Payment, PaymentStatus};
use crate::operation::Failure;
use crate::provider::ProviderKind;

/// What a checkout pays. Amounts marked pending are reserved for operations whose outcome is not known yet.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "Payment")]
pub(crate) struct PaymentBody {
    /// Id.
    pub id: PaymentId,
    /// The checkout that it pays.
    pub checkout_id: CheckoutId,
    /// The order that it pays; its money is captured, voided and refunded under `/v1/orders/{order_id}`.
    pub order_id: Option<OrderId>,
    /// The connection to its provider.
    pub connection_id: ConnectionId,
    /// Its provider.
    pub provider: ProviderKind,
    /// Follows from the amounts.
    pub status: PaymentStatus,
    /// The amount to authorise.
    pub amount: Money,
    /// Authorised by the payer's bank.
    pub authorised: Money,
    /// Being captured.
    pub capture_pending: Money,
    /// Captured.
    pub captured: Money,
    /// Being voided.
    pub void_pending: Money,
    /// Voided.
    pub voided: Money,
    /// Being refunded.
    pub refund_pending: Money,
    /// Refunded.
    pub refunded: Money,
    /// What the payer has to do first.
    pub action: Option<PaymentAction>,
    /// Why it was not authorised.
    pub failure: Option<Failure>,
    /// Rises with each change.
    pub version: i64,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// What the payer has to do, for example 3-D Secure.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(crate) struct PaymentAction {
    /// How.
    pub r#type: PaymentActionType,
    /// Where.
    pub url: String,
}

/// How a payer does it.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PaymentActionType {
    /// Send the browser there; it comes back by itself.
    Redirect,
}

impl Aggregate for PaymentBody {
    const NOUN: &'static str = "payment";
    type Id = PaymentId;

    fn id(&self) -> PaymentId {
        self.id
    }

    fn version(&self) -> i64 {
        self.version
    }
}

impl From<&Payment> for PaymentBody {
    fn from(payment: &Payment) -> Self {
        let money = |amount| Money::new(amount, payment.currency);
        let action = |url| PaymentAction { r#type: PaymentActionType::Redirect, url };
        Self {
            id: payment.id,
            checkout_id: payment.checkout_id,
            order_id: payment.order_id,
            connection_id: payment.connection_id,
            provider: payment.provider,
            status: payment.status,
            amount: money(payment.amount),
            authorised: money(payment.authorised),
            capture_pending: money(payment.capture_pending),
            captured: money(payment.captured),
            void_pending: money(payment.void_pending),
            voided: money(payment.voided),
            refund_pending: money(payment.refund_pending),
            refunded: money(payment.refunded),
            action: payment.action_url.clone().map(action),
            failure: payment.failure.clone(),
            version: payment.version,
            created_at: payment.created_at,
            updated_at: payment.updated_at,
        }
    }
}
