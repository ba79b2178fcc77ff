//! The events of payments.

use bloom_events::{Draft, publish};
use bloom_fault::Fault;
use bloom_runtime::db::Tell;
use bloom_runtime::{Call, Host};

use super::dto::PaymentDto;
use super::model::Payment;

const PAYMENT_CREATED: &str = "payment.created";
pub(crate) const PAYMENT_UPDATED: &str = "payment.updated";

/// Publishes a payment in its current version.
pub(crate) async fn publish_payment(tx: &mut impl Tell, host: &Host, call: &Call, payment: &Payment) -> Result<(), Fault> {
    let draft = Draft {
        kind: if payment.version == 1 { PAYMENT_CREATED } else { PAYMENT_UPDATED },
        aggregate: payment.id.to_string(),
        version: payment.version,
        data: &PaymentDto::from(payment),
        causation: None,
    };
    publish(tx, host, call, draft).await
}
