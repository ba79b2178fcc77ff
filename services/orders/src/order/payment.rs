//! The amounts of an order's payment, as payments returns them.

use bloom_db::TenantTx;
use bloom_fault::Fault;
use bloom_kernel::OrderId;
use bloom_runtime::RequestContext;
use serde_json::json;

use super::ending::refund_late_capture;
use super::model::{Order, OrderPayment};
use super::save::{Change, save};
use super::store::order_get;
use crate::Orders;
use crate::clients::{Payment, payment_get};
use crate::operation::record_due;

impl From<&Payment> for OrderPayment {
    fn from(payment: &Payment) -> Self {
        Self {
            id: payment.id,
            authorised: payment.authorised,
            captured: payment.captured,
            refunded: payment.refunded,
            voided: payment.voided,
            version: payment.version,
        }
    }
}

/// The present amounts of an order's payment; none for an order without one. A decision about money does not rely on the order's copy
/// alone, because the event of the last change may not have arrived yet.
pub async fn current_payment(app: &Orders, context: &RequestContext, id: OrderId) -> Result<Option<OrderPayment>, Fault> {
    let stored = order_get(&mut *app.db.read(context.tenant).await?, id).await?.ok_or_else(|| Fault::not_found("order"))?;
    match &stored.order.payment {
        Some(payment) => Ok(Some(OrderPayment::from(&payment_get(app, context, payment.id).await?))),
        None => Ok(None),
    }
}

/// Stores newer amounts of a locked order's payment. Money that was captured while the order ended is refunded.
pub async fn update_payment(tx: &mut TenantTx, order: &mut Order, payment: &OrderPayment) -> Result<(), Fault> {
    let Some((word, amount)) = order.apply_payment(payment) else { return Ok(()) };
    let owed = refund_late_capture(tx, order);
    let data = json!({ "payment_id": payment.id, "amount": amount });
    save(tx, order, Change::new(word).by("service:payments").data(data)).await?;
    record_due(tx, owed.as_slice()).await
}
