//! Asks for the payment of an order once more that was being placed when its payment changed: the event may have come before the
//! order was stored.

use bloom_db::TenantTx;
use bloom_events::schedule;
use bloom_fault::Fault;
use bloom_kernel::CheckoutId;
use bloom_runtime::RequestContext;

use super::store::checkout_get;
use crate::Orders;
use crate::clients::payment_get;
use crate::order::{OrderPayment, lock_order, update_payment};

/// Kind of the timer; its key is the checkout's id.
pub(crate) const TIMER: &str = "order_payment";

/// Asks for the payment when the order must be stored, or never will be.
pub(crate) async fn sync_payment_soon(app: &Orders, tx: &mut TenantTx, checkout: CheckoutId) -> Result<(), Fault> {
    let at = app.host.now(tx.tenant()) + app.config.resume_after();
    schedule(tx, TIMER, &checkout.to_string(), at, &()).await
}

/// Takes over the payment's amounts. A checkout that may still become an order is looked at again later.
pub(crate) async fn sync_payment(app: &Orders, call: &RequestContext, id: CheckoutId) -> Result<(), Fault> {
    let stored = checkout_get(&mut *app.db.read(call.tenant).await?, id).await?;
    let Some(checkout) = stored else { return Ok(()) };
    if checkout.status.may_place() {
        let mut tx = app.db.write(call).await?;
        sync_payment_soon(app, &mut tx, id).await?;
        return tx.commit().await;
    }
    let Some(order) = checkout.public().order_id else { return Ok(()) };
    let payment = OrderPayment::from(&payment_get(app, call, checkout.payment_id).await?);
    let mut tx = app.db.write(call).await?;
    let mut order = lock_order(&mut tx, order).await?;
    update_payment(app, call, &mut tx, &mut order, &payment).await?;
    tx.commit().await
}
