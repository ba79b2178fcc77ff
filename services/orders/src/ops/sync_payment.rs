//! Looks once more at the payment of an order that was being placed while its payment told something: the news may have
//! come before the order was there to hear it.

use bloom_db::TenantTx;
use bloom_events::{TimerHandler, schedule};
use bloom_fault::Fault;
use bloom_kernel::CheckoutId;
use bloom_runtime::RequestContext;
use futures::future::BoxFuture;
use serde_json::json;
use serde_json::value::RawValue;

use super::cancel_order::give_back_late;
use super::run_operation::record_due;
use super::save_order::{Change, locked, save};
use crate::Orders;
use crate::neighbours::payment_get;
use crate::store::checkout::checkout_get;

/// Kind of the timer; its key is the checkout's id.
const TIMER: &str = "order_payment";

/// Looks at the payment when its order must be there, or never will be.
pub async fn sync_soon(app: &Orders, tx: &mut TenantTx, checkout: CheckoutId) -> Result<(), Fault> {
    let at = app.host.now(tx.tenant()) + app.config.resume_after();
    schedule(tx, TIMER, &checkout.to_string(), at, &()).await
}

/// The timer of such an order.
pub struct SyncPayment(pub Orders);

impl TimerHandler for SyncPayment {
    fn kind(&self) -> &'static str {
        TIMER
    }

    fn fire<'a>(&'a self, call: &'a RequestContext, key: &'a str, _: &'a RawValue) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(async move {
            match key.parse() {
                Ok(id) => sync_payment(&self.0, call, id).await,
                Err(_) => Ok(()),
            }
        })
    }
}

/// Takes over what the payment says now; one that may still become an order is looked at again later.
pub async fn sync_payment(app: &Orders, call: &RequestContext, id: CheckoutId) -> Result<(), Fault> {
    let stored = checkout_get(&mut *app.db.read(call.tenant).await?, id).await?;
    let Some(checkout) = stored else { return Ok(()) };
    if checkout.status.may_place() {
        let mut tx = app.db.write(call).await?;
        sync_soon(app, &mut tx, id).await?;
        return tx.commit().await;
    }
    let Some(order) = checkout.public().order_id else { return Ok(()) };
    let payment = payment_get(app, call, checkout.payment_id).await?;
    let mut tx = app.db.write(call).await?;
    let (mut order, _) = locked(&mut tx, order).await?;
    if let Some((word, amount)) = order.apply_payment(&payment.amounts) {
        let data = json!({ "payment_id": checkout.payment_id, "amount": amount });
        let owed = give_back_late(app, call, &mut order);
        save(app, call, &mut tx, &mut order, Change::new(word).data(data)).await?;
        record_due(app, call, &mut tx, owed.as_slice()).await?;
    }
    tx.commit().await
}
