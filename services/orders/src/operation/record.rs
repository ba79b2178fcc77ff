//! Stores operations and sets the timers that run them.

use bloom_db::TenantTx;
use bloom_events::Publish as _;
use bloom_fault::Fault;
use bloom_kernel::{OrderId, Timestamp};
use bloom_runtime::RequestContext;
use chrono::TimeDelta;

use super::model::Operation;
use super::store::{operation_attempted, operation_insert, operations_waiting};
use crate::Orders;

/// Kind of the timer of an operation; its key is the operation's id.
pub const TIMER: &str = "order_operation";

/// Stores operations with the change that needs them. The caller commits and then runs them; the timer does if the process ends.
pub async fn record(app: &Orders, tx: &mut TenantTx, operations: &[Operation]) -> Result<(), Fault> {
    let run_at = tx.now() + app.config.resume_after();
    record_at(tx, operations, run_at).await
}

/// Stores operations for a caller that does not run them: the timer does, at once.
pub async fn record_due(tx: &mut TenantTx, operations: &[Operation]) -> Result<(), Fault> {
    let run_at = tx.now();
    record_at(tx, operations, run_at).await
}

async fn record_at(tx: &mut TenantTx, operations: &[Operation], run_at: Timestamp) -> Result<(), Fault> {
    if operations.is_empty() {
        return Ok(());
    }
    operation_insert(tx, operations).await?;
    for operation in operations {
        tx.schedule(TIMER, &operation.id.to_string(), run_at, &());
    }
    Ok(())
}

/// Runs the order's unanswered captures and refunds again now: its payment has changed.
pub async fn retry_now(tx: &mut TenantTx, order: OrderId) -> Result<(), Fault> {
    let now = tx.now();
    for id in operations_waiting(tx, order).await? {
        tx.schedule(TIMER, &id.to_string(), now, &());
    }
    Ok(())
}

/// Runs an operation again later: after two seconds, doubling, at most after ten minutes.
pub async fn retry_later(app: &Orders, context: &RequestContext, operation: &Operation) -> Result<(), Fault> {
    let pause = TimeDelta::seconds(2 << operation.attempts.clamp(0, 9)).min(TimeDelta::minutes(10));
    app.db
        .transaction(context, async |tx| {
            let now = tx.now();
            operation_attempted(tx, operation.id, now).await?;
            tx.schedule(TIMER, &operation.id.to_string(), now + pause, &());
            Ok(())
        })
        .await
}
