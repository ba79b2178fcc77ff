//! Reads the payment of an order once more if the payment changed while the order was being placed: its event may have been consumed
//! before the order was stored.

use bloom_db::TenantTx;
use bloom_events::Publish as _;
use bloom_fault::Fault;
use bloom_kernel::CheckoutId;
use bloom_runtime::RequestContext;

use super::store::checkout_get;
use crate::Orders;
use crate::clients::payment_get;
use crate::order::{OrderPayment, lock_order, update_payment};

/// Kind of the timer; its key is the checkout's id.
pub const TIMER: &str = "order_payment";

/// Reads the payment at a time when the order is certainly stored, or never will be.
pub fn sync_payment_soon(app: &Orders, tx: &mut TenantTx, checkout: CheckoutId) {
    let at = tx.now() + app.config.resume_after();
    tx.schedule(TIMER, &checkout.to_string(), at, &());
}

/// Stores the payment's amounts. A checkout that may still become an order is checked again later.
pub async fn sync_payment(app: &Orders, context: &RequestContext, id: CheckoutId, (): ()) -> Result<(), Fault> {
    let stored = checkout_get(&mut *app.db.read(context.tenant).await?, id).await?;
    let Some(checkout) = stored else { return Ok(()) };
    if checkout.status.may_place() {
        return app
            .db
            .transaction(context, async |tx| {
                sync_payment_soon(app, tx, id);
                Ok(())
            })
            .await;
    }
    let Some(order) = checkout.public().order_id else { return Ok(()) };
    let payment = OrderPayment::from(&payment_get(app, context, checkout.payment_id).await?);
    app.db
        .transaction(context, async |tx| {
            let mut order = lock_order(tx, order).await?;
            update_payment(tx, &mut order, &payment).await
        })
        .await
}
