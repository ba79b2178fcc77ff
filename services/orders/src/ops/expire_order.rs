//! Ends an order that nobody paid in time.

use bloom_events::TimerHandler;
use bloom_fault::Fault;
use bloom_kernel::OrderId;
use bloom_runtime::RequestContext;
use futures::future::BoxFuture;
use serde_json::value::RawValue;

use super::cancel_order::{Stock, wind_up};
use super::run_operation::{record, run_all};
use super::save_order::{Change, locked_and_settled, save};
use crate::Orders;

/// Kind of the timer; its key is the order's id.
pub const TIMER: &str = "order_expiry";

/// The timer of an unpaid order.
pub struct ExpireOrder(pub Orders);

impl TimerHandler for ExpireOrder {
    fn kind(&self) -> &'static str {
        TIMER
    }

    fn fire<'a>(&'a self, call: &'a RequestContext, key: &'a str, _: &'a RawValue) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(async move {
            match key.parse() {
                Ok(id) => expire_order(&self.0, call, id).await,
                Err(_) => Ok(()),
            }
        })
    }
}

/// Expires the order, unless it was paid or canceled meanwhile.
pub async fn expire_order(app: &Orders, call: &RequestContext, id: OrderId) -> Result<(), Fault> {
    let mut tx = app.db.write(call).await?;
    let mut order = locked_and_settled(&mut tx, id).await?;
    if !order.expire(app.host.now(call.tenant)) {
        return Ok(());
    }
    let operations = wind_up(app, call, &mut tx, &mut order, Stock::Allocated).await?;
    save(app, call, &mut tx, &mut order, Change::new("expired").event("order.expired")).await?;
    record(app, call, &mut tx, &operations).await?;
    tx.commit().await?;
    run_all(app, call, operations).await?;
    Ok(())
}
