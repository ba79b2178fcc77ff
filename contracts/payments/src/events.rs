//! The events of payments that others read.

use bloom_kernel::{CheckoutId, Money, OrderId, PaymentId};
use serde::Deserialize;

use crate::types::{PaymentStatus, Provider};

/// `bloom.payments.payment.created` and `.updated`: the payment after the change.
#[derive(Debug, Clone, Deserialize)]
pub struct PaymentChanged {
    /// Id.
    pub id: PaymentId,
    /// The checkout that it pays.
    pub checkout_id: CheckoutId,
    /// The order that it belongs to.
    pub order_id: Option<OrderId>,
    /// Its provider.
    pub provider: Provider,
    /// Its status.
    pub status: PaymentStatus,
    /// The amount to authorise.
    pub amount: Money,
    /// Authorised by the payer's bank.
    pub authorised: Money,
    /// Captured.
    pub captured: Money,
    /// Voided.
    pub voided: Money,
    /// Refunded.
    pub refunded: Money,
    /// Rises with each change.
    pub version: i64,
}
