//! Applies the final answer of an operation to its order.

use bloom_db::TenantTx;
use bloom_events::Publish as _;
use bloom_fault::Fault;
use bloom_kernel::{FulfilmentId, Money, RefundId, Timestamp};
use bloom_runtime::RequestContext;
use serde_json::{Value, json};

use super::ending::{new_operation, refund_late_capture};
use super::model::{Order, OrderPayment, OrderStatus, RefundState};
use super::save::{Change, lock_order, save};
use crate::Orders;
use crate::operation::{
    self, Operation, OperationKind, OperationStatus, operation_of_kind, operation_settle, operations_moving_money,
    operations_shipping, record, record_due,
};
use crate::settings::{CaptureMode, settings_get};

/// Commits a final answer and its effect on the order; a second answer finds the operation settled. Returns the operation that is
/// committed with it and has to run now: the capture after a shipment, or the refund of money captured while the order ended.
pub async fn settle(
    app: &Orders,
    context: &RequestContext,
    operation: &Operation,
    payment: Option<OrderPayment>,
) -> Result<Option<Operation>, Fault> {
    let settled = app.db.transaction(context, async |tx| {
        let mut order = lock_order(tx, operation.order_id).await?;
        let now = tx.now();
        if !operation_settle(tx, operation.id, operation.failure.as_ref(), now).await? {
            return Ok(None);
        }
        // The payment's event may have arrived first.
        let news = payment.and_then(|payment| order.apply_payment(&payment));
        let has_outcome = apply_outcome(&mut order, operation, now)?;
        let must_refund = news.is_some() || refused_too_much(&order, operation);
        let owed = if must_refund { refund_late_capture(tx, &mut order) } else { None };
        if news.is_some() || has_outcome || owed.is_some() {
            let change = Change::new(word(operation, news)).data(timeline_data(&order, operation, news));
            save(tx, &mut order, change).await?;
        }
        let earned = match (operation.kind, operation.status) {
            (OperationKind::Ship, OperationStatus::Succeeded) => capture_of_shipped(tx, &order).await?,
            (OperationKind::Ship, OperationStatus::Running | OperationStatus::Failed)
            | (OperationKind::Capture | OperationKind::Refund | OperationKind::Void | OperationKind::Release, _) => None,
        };
        let next = earned.or(owed);
        record(app, tx, next.as_slice()).await?;
        let release = release_of_withdrawn(tx, &order).await?;
        record_due(tx, release.as_slice()).await?;
        tx.unschedule(operation::TIMER, &operation.id.to_string());
        Ok(next)
    });
    settled.await
}

/// Ends the refund of a refund operation, and reverts a refused shipment. False for operations that change only the order's amounts.
fn apply_outcome(order: &mut Order, operation: &Operation, now: Timestamp) -> Result<bool, Fault> {
    let succeeded = operation.status == OperationStatus::Succeeded;
    let Some(target) = operation.target_id else { return Ok(false) };
    match operation.kind {
        OperationKind::Refund => order.settle_refund(RefundId::from_uuid(target), succeeded)?,
        OperationKind::Ship if !succeeded => order.unship(FulfilmentId::from_uuid(target), operation.with_fulfilment, now)?,
        OperationKind::Ship | OperationKind::Capture | OperationKind::Void | OperationKind::Release => return Ok(false),
    }
    Ok(true)
}

/// True when a refund was refused because less money was left. An ended order then requests the rest again. A refusal of the provider
/// is final.
fn refused_too_much(order: &Order, operation: &Operation) -> bool {
    operation.kind == OperationKind::Refund
        && operation.status == OperationStatus::Failed
        && Some(order.refundable()) < operation.amount
}

fn word(operation: &Operation, news: Option<(&'static str, Money)>) -> &'static str {
    match (operation.kind, operation.status == OperationStatus::Succeeded) {
        (OperationKind::Capture, true) => "captured",
        (OperationKind::Capture, false) => "capture_failed",
        (OperationKind::Refund, true) => "refunded",
        (OperationKind::Refund, false) => "refund_failed",
        // A void may have found nothing to void because the money was captured.
        (OperationKind::Void, _) => news.map_or("voided", |(word, _)| word),
        (OperationKind::Ship, true) => "shipped",
        (OperationKind::Ship, false) => "shipment_refused",
        (OperationKind::Release, _) => "stock_released",
    }
}

fn timeline_data(order: &Order, operation: &Operation, news: Option<(&'static str, Money)>) -> Value {
    let amount = operation.amount.map(|amount| Money::new(amount, order.currency)).or(news.map(|(_, amount)| amount));
    let mut data = json!({ "operation_id": operation.id, "amount": amount });
    if let (OperationKind::Refund, Some(refund)) = (operation.kind, operation.target_id) {
        data["refund_id"] = json!(RefundId::from_uuid(refund));
    }
    data
}

/// The amount to capture when the shop captures on shipment: the value of all shipped units, less the captured amount. A shipment that
/// inventory has not answered yet does not count, since it may be refused.
async fn capture_of_shipped(tx: &mut TenantTx, order: &Order) -> Result<Option<Operation>, Fault> {
    let Some(payment) = &order.payment else { return Ok(None) };
    match settings_get(tx).await?.capture {
        CaptureMode::OnFulfilment => {}
        CaptureMode::Manual => return Ok(None),
    }
    let unanswered = operations_shipping(tx, order.id).await?;
    let capturing = operations_moving_money(tx, order.id).await?.capturing;
    let due = order.value_of_shipped(&unanswered).amount() - payment.captured.amount() - capturing;
    let due = due.min(order.capturable() - capturing);
    if due <= 0 {
        return Ok(None);
    }
    let amount = Money::new(due, order.currency);
    Ok(Some(new_operation(tx, order, OperationKind::Capture).with_amount(amount)))
}

/// Releases the stock of units that were refunded before they were shipped, once the order is completed and neither a shipment nor
/// a refund that could revert that is open. An order has one release at most.
async fn release_of_withdrawn(tx: &mut TenantTx, order: &Order) -> Result<Option<Operation>, Fault> {
    let units = order.unpacked_units();
    let is_final = order.refunds.iter().all(|refund| refund.status != RefundState::Pending);
    if order.status != OrderStatus::Completed || units.is_empty() || !is_final {
        return Ok(None);
    }
    if !operations_shipping(tx, order.id).await?.is_empty() || operation_of_kind(tx, order.id, OperationKind::Release).await? {
        return Ok(None);
    }
    Ok(Some(new_operation(tx, order, OperationKind::Release).with_units(units)))
}
