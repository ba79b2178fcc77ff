//! Calls an order off: its stock is free again, what is promised is given up, what is drawn is given back.

use bloom_db::{Begin, TenantTx};
use bloom_events::cancel as cancel_timer;
use bloom_fault::{Code, Fault, refuse_card_number};
use bloom_kernel::{Money, OrderId, RefundId};
use bloom_runtime::RequestContext;
use bloom_web::Reply;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::expire_order;
use super::read_order::read_order;
use super::run_operation::{operation, record, run_all};
use super::save_order::{Change, locked, locked_and_settled, save};
use crate::Orders;
use crate::domain::operation::{Kind, Operation};
use crate::domain::order::Order;
use crate::domain::refund::Wanted;
use crate::domain::status::Status;
use crate::store::operation::operation_money_under_way;

/// Why an order is called off.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct OrderCancel {
    /// In the merchant's words.
    #[schemars(length(max = 500))]
    pub reason: Option<String>,
}

/// Whether the order's units are its own yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stock {
    /// They are, and have to be given back.
    Allocated,
    /// They never became its own.
    NotAllocated,
}

/// What began, for a repeat of the request.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Receipt {
    order_id: OrderId,
}

/// Cancels an order that nothing was shipped of.
pub async fn cancel_order(app: &Orders, call: &RequestContext, id: OrderId, input: OrderCancel) -> Result<Reply<Order>, Fault> {
    call.require_idempotency_key()?;
    if input.reason.as_ref().is_some_and(|reason| 500 < reason.chars().count() || reason.contains('\0')) {
        return Err(Fault::invalid("/reason", "length", "Give at most 500 characters, none of them NUL."));
    }
    refuse_card_number("/reason", input.reason.as_deref().unwrap_or_default())?;
    let mut tx = match app.db.begin::<bloom_web::Reply<Receipt, 200>>(call, "order_cancel", &(id, &input)).await? {
        Begin::Run(tx) => tx,
        Begin::Replay(_) => return read_order(app, call, id).await.map(Reply::repeated),
    };
    let order = locked_and_settled(&mut tx, id).await?;
    let operations = cancel(app, call, &mut tx, order, input.reason, Stock::Allocated).await?;
    tx.finish(Reply::ok(Receipt { order_id: id })).await?;
    run_all(app, call, operations).await?;
    read_order(app, call, id).await
}

/// Cancels an order whose stock was lost before it became its own; one that was canceled meanwhile is left alone.
pub async fn cancel_for_shortfall(app: &Orders, call: &RequestContext, id: OrderId, stock: Stock) -> Result<(), Fault> {
    let mut tx = app.db.write(call).await?;
    let (order, _) = locked(&mut tx, id).await?;
    let operations = match cancel(app, call, &mut tx, order, Some("stock_shortfall".to_owned()), stock).await {
        Ok(operations) => operations,
        Err(fault) if fault.reason == "order_not_cancelable" => return Ok(()),
        Err(fault) => return Err(fault),
    };
    tx.commit().await?;
    run_all(app, call, operations).await?;
    Ok(())
}

async fn cancel(
    app: &Orders,
    call: &RequestContext,
    tx: &mut TenantTx,
    mut order: Order,
    reason: Option<String>,
    stock: Stock,
) -> Result<Vec<Operation>, Fault> {
    let now = app.host.now(call.tenant);
    order.cancel(reason.clone(), now)?;
    let operations = wind_up(app, call, tx, &mut order, stock).await?;
    let change = Change::new("canceled").event("order.canceled").data(json!({ "reason": reason }));
    save(app, call, tx, &mut order, change).await?;
    record(app, call, tx, &operations).await?;
    cancel_timer(tx, expire_order::TIMER, &order.id.to_string()).await?;
    Ok(operations)
}

/// What has to happen elsewhere when an order ends unshipped.
pub async fn wind_up(
    app: &Orders,
    call: &RequestContext,
    tx: &mut TenantTx,
    order: &mut Order,
    stock: Stock,
) -> Result<Vec<Operation>, Fault> {
    let (captures, voids) = operation_money_under_way(tx, order.id).await?;
    if 0 < captures || voids {
        let detail = "Money of this order is being moved; try again when that is done.";
        return Err(Fault::new(Code::Conflict, "operation_in_progress", detail).retry_after(5));
    }
    let mut operations = Vec::new();
    let units = order.unshipped();
    if stock == Stock::Allocated && !units.is_empty() {
        operations.push(operation(app, call, order, Kind::Release).of_units(units));
    }
    let Some(payment) = order.payment.clone() else { return Ok(operations) };
    operations.extend(give_back(app, call, order)?);
    let promised = payment.authorised.amount() - payment.captured.amount() - payment.voided.amount();
    let undecided = payment.authorised.amount() == 0 && payment.voided.amount() == 0;
    if 0 < promised || undecided {
        operations.push(operation(app, call, order, Kind::Void));
    }
    Ok(operations)
}

/// The same later, when it turns out that money was drawn meanwhile of which the order had not heard.
pub fn give_back_late(app: &Orders, call: &RequestContext, order: &mut Order) -> Option<Operation> {
    give_back(app, call, order).unwrap_or_else(|fault| {
        // As many refunds as an order may have: `bloom check` names the order until somebody gives the money back.
        tracing::error!(order = %order.id, cause = fault.chain(), "money of an order that has ended cannot be given back");
        None
    })
}

/// Begins the refund of what an order that has ended unshipped still holds. The caller saves the order and records the
/// operation.
fn give_back(app: &Orders, call: &RequestContext, order: &mut Order) -> Result<Option<Operation>, Fault> {
    let drawn = order.refundable();
    if drawn <= 0 || !matches!(order.status, Status::Canceled | Status::Expired) {
        return Ok(None);
    }
    let (id, amount) = (app.host.id::<RefundId>(call.tenant), Money::new(drawn, order.currency));
    order.refund(id, &Wanted::Amount(amount), order.cancel_reason.clone(), app.host.now(call.tenant))?;
    Ok(Some(operation(app, call, order, Kind::Refund).of_amount(amount).on_behalf_of(id.uuid())))
}
