//! Ends an order that was not paid in time.

use bloom_fault::Fault;
use bloom_kernel::OrderId;
use bloom_runtime::RequestContext;

use super::ending::{Stock, ending_operations};
use super::run::run_all;
use super::save::{Change, lock_settled_order, save};
use crate::Orders;
use crate::operation::record;

/// Kind of the timer of an unpaid order; its key is the order's id.
pub(crate) const TIMER: &str = "order_expiry";

/// Expires the order, unless it was paid or canceled meanwhile.
pub(crate) async fn expire(app: &Orders, call: &RequestContext, id: OrderId) -> Result<(), Fault> {
    let mut tx = app.db.write(call).await?;
    let mut order = lock_settled_order(&mut tx, id).await?;
    if !order.expire(app.host.now(call.tenant)) {
        return Ok(());
    }
    let operations = ending_operations(app, call, &mut tx, &mut order, Stock::Allocated).await?;
    save(app, call, &mut tx, &mut order, Change::new("expired").event("order.expired")).await?;
    record(app, call, &mut tx, &operations).await?;
    tx.commit().await?;
    run_all(app, call, operations).await?;
    Ok(())
}
