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
pub const TIMER: &str = "order_expiry";

/// Expires the order, unless it was paid or canceled meanwhile.
pub async fn expire(app: &Orders, context: &RequestContext, id: OrderId, (): ()) -> Result<(), Fault> {
    let expired = app.db.transaction(context, async |tx| {
        let mut order = lock_settled_order(tx, id).await?;
        if !order.expire(tx.now()) {
            return Ok(Vec::new());
        }
        let operations = ending_operations(tx, &mut order, Stock::Allocated).await?;
        save(tx, &mut order, Change::new("expired").verb("expired")).await?;
        record(app, tx, &operations).await?;
        Ok(operations)
    });
    run_all(app, context, expired.await?).await.map(drop)
}
