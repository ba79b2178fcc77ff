//! Stores operations and sets the timers that run them.

use bloom_db::TenantTx;
use bloom_events::schedule;
use bloom_fault::Fault;
use bloom_kernel::{OrderId, Timestamp};
use bloom_runtime::RequestContext;
use chrono::TimeDelta;

use super::model::Operation;
use super::store::{operation_attempted, operation_insert, operations_waiting};
use crate::Orders;

/// Kind of the timer of an operation; its key is the operation's id.
pub(crate) const TIMER: &str = "order_operation";

/// Stores operations with the change that needs them. The caller commits and then runs them; the timer does if the process ends.
pub(crate) async fn record(
    app: &Orders,
    call: &RequestContext,
    tx: &mut TenantTx,
    operations: &[Operation],
) -> Result<(), Fault> {
    record_at(call, tx, operations, app.host.now(call.tenant) + app.config.resume_after()).await
}

/// Stores operations for a caller that does not run them: the timer does, at once.
pub(crate) async fn record_due(
    app: &Orders,
    call: &RequestContext,
    tx: &mut TenantTx,
    operations: &[Operation],
) -> Result<(), Fault> {
    record_at(call, tx, operations, app.host.now(call.tenant)).await
}

async fn record_at(call: &RequestContext, tx: &mut TenantTx, operations: &[Operation], run_at: Timestamp) -> Result<(), Fault> {
    if operations.is_empty() {
        return Ok(());
    }
    operation_insert(tx, call.tenant, operations).await?;
    for operation in operations {
        schedule(tx, TIMER, &operation.id.to_string(), run_at, &()).await?;
    }
    Ok(())
}

/// Runs the order's unanswered captures and refunds again now: its payment has changed.
pub(crate) async fn retry_now(app: &Orders, tx: &mut TenantTx, order: OrderId) -> Result<(), Fault> {
    let now = app.host.now(tx.tenant());
    for id in operations_waiting(tx, order).await? {
        schedule(tx, TIMER, &id.to_string(), now, &()).await?;
    }
    Ok(())
}

/// Runs an operation again later: after two seconds, doubling, at most after ten minutes.
pub(crate) async fn retry_later(app: &Orders, call: &RequestContext, operation: &Operation) -> Result<(), Fault> {
    let now = app.host.now(call.tenant);
    let pause = TimeDelta::seconds(2 << operation.attempts.clamp(0, 9)).min(TimeDelta::minutes(10));
    let mut tx = app.db.write(call).await?;
    operation_attempted(&mut tx, operation.id, now).await?;
    schedule(&mut tx, TIMER, &operation.id.to_string(), now + pause, &()).await?;
    tx.commit().await
}
