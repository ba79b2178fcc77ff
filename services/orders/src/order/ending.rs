//! The operations that an unshipped order needs when it ends: its stock is released, its authorisation is voided, captured money is
//! refunded.

use bloom_db::TenantTx;
use bloom_fault::{Code, Fault};
use bloom_kernel::{Money, RefundId};

use super::model::{Order, RefundWish};
use crate::operation::{Operation, OperationKind, operations_moving_money};

/// Whether the order's units are allocated to it yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stock {
    /// They are, and have to be released.
    Allocated,
    /// They never were.
    NotAllocated,
}

/// The operations of an order that ends unshipped. The caller saves the order and records them.
pub async fn ending_operations(tx: &mut TenantTx, order: &mut Order, stock: Stock) -> Result<Vec<Operation>, Fault> {
    let moving = operations_moving_money(tx, order.id).await?;
    if 0 < moving.capturing || moving.voiding {
        let detail = "Money of this order is being moved; try again when that is done.";
        return Err(Fault::new(Code::Conflict, "operation_in_progress", detail).retry_after(5));
    }
    let mut operations = Vec::new();
    let units = order.unpacked_units();
    if stock == Stock::Allocated && !units.is_empty() {
        operations.push(new_operation(tx, order, OperationKind::Release).with_units(units));
    }
    let Some(payment) = &order.payment else { return Ok(operations) };
    let is_undecided = payment.authorised.amount() == 0 && payment.voided.amount() == 0;
    operations.extend(refund_rest(tx, order)?);
    if 0 < order.capturable() || is_undecided {
        operations.push(new_operation(tx, order, OperationKind::Void));
    }
    Ok(operations)
}

/// Begins the refund of money that an ended order still holds, because it was captured while the order ended. The caller saves the
/// order and records the operation.
pub fn refund_late_capture(tx: &TenantTx, order: &mut Order) -> Option<Operation> {
    refund_rest(tx, order).unwrap_or_else(|fault| {
        // The order has as many refunds as it may have: `bloom check` names it until the money is refunded at the provider.
        tracing::error!(order = %order.id, cause = fault.chain(), "money of an order that has ended cannot be refunded");
        None
    })
}

/// Begins the refund of all that an order that has ended still holds.
fn refund_rest(tx: &TenantTx, order: &mut Order) -> Result<Option<Operation>, Fault> {
    let left = order.refundable();
    if left <= 0 || !order.has_ended() {
        return Ok(None);
    }
    let (id, amount) = (tx.new_id::<RefundId>(), Money::new(left, order.currency));
    order.refund(id, &RefundWish::Amount(amount), order.cancel_reason.clone(), tx.now())?;
    Ok(Some(new_operation(tx, order, OperationKind::Refund).with_amount(amount).with_target(id.uuid())))
}

/// A new operation of an order, requested by the actor of the transaction.
pub fn new_operation(tx: &TenantTx, order: &Order, kind: OperationKind) -> Operation {
    order.operation(tx.new_id(), kind, tx.actor(), tx.now())
}
