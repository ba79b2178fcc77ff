//! `POST /v1/orders/{order_id}/cancel`: cancels an order of which nothing was shipped.

use axum::extract::State;
use bloom_db::{Answer, TenantTx};
use bloom_events::Publish as _;
use bloom_fault::{Fault, refuse_card_number};
use bloom_kernel::OrderId;
use bloom_runtime::RequestContext;
use bloom_web::{Body, Caller, Path, Reply};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::ending::{Stock, ending_operations};
use super::expire;
use super::model::{Order, Reason};
use super::read::reply_with_order;
use super::run::run_all;
use super::save::{Change, lock_order, lock_settled_order, save};
use crate::operation::{Operation, record};
use crate::{Orders, OrdersWrite};

/// Why an order is canceled.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct OrderCancel {
    /// In the merchant's words.
    reason: Option<Reason>,
}

/// What was done, for a repeat of the request.
#[derive(Serialize, Deserialize)]
struct Receipt {
    order_id: OrderId,
}

pub async fn cancel(
    State(app): State<Orders>,
    caller: Caller<OrdersWrite>,
    Path(id): Path<OrderId>,
    Body(input): Body<OrderCancel>,
) -> Result<Reply<Order>, Fault> {
    caller.require_idempotency_key()?;
    refuse_card_number("/reason", input.reason.as_deref().unwrap_or_default())?;
    let mut begun = None;
    let done = app.db.idempotent(caller.operation("order_cancel", &(id, &input)), async |tx| {
        let order = lock_settled_order(tx, id).await?;
        begun = Some(cancel_locked(&app, tx, order, input.reason.map(String::from), Stock::Allocated).await?);
        Ok(Receipt { order_id: id })
    });
    let Answer(Receipt { .. }) = done.await?;
    let is_replay = begun.is_none();
    run_all(&app, &caller, begun.unwrap_or_default()).await?;
    let reply = reply_with_order(&app, &caller, id).await?;
    Ok(if is_replay { reply.repeated() } else { reply })
}

/// Cancels an order whose stock was lost before it was allocated. An order that has ended is left as it is.
pub async fn cancel_for_shortfall(app: &Orders, context: &RequestContext, id: OrderId) -> Result<(), Fault> {
    let canceled = app.db.transaction(context, async |tx| {
        let order = lock_order(tx, id).await?;
        cancel_locked(app, tx, order, Some("stock_shortfall".to_owned()), Stock::NotAllocated).await
    });
    match canceled.await {
        Ok(operations) => run_all(app, context, operations).await.map(drop),
        Err(fault) if fault.reason == "order_not_cancelable" => Ok(()),
        Err(fault) => Err(fault),
    }
}

/// Cancels a locked order; the caller commits and runs the operations.
async fn cancel_locked(
    app: &Orders,
    tx: &mut TenantTx,
    mut order: Order,
    reason: Option<String>,
    stock: Stock,
) -> Result<Vec<Operation>, Fault> {
    order.cancel(reason.clone(), tx.now())?;
    let operations = ending_operations(tx, &mut order, stock).await?;
    let change = Change::new("canceled").verb("canceled").data(json!({ "reason": reason }));
    save(tx, &mut order, change).await?;
    record(app, tx, &operations).await?;
    tx.unschedule(expire::TIMER, &order.id.to_string());
    Ok(operations)
}
