//! `POST /v1/orders/{order_id}/cancel`: cancels an order of which nothing was shipped.

use axum::extract::State;
use bloom_db::{Begin, TenantTx};
use bloom_events::cancel as cancel_timer;
use bloom_fault::{Fault, refuse_card_number};
use bloom_kernel::OrderId;
use bloom_runtime::RequestContext;
use bloom_web::Reply;
use bloom_web::{Caller, Json, Path};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::ending::{Stock, ending_operations};
use super::expire;
use super::model::Order;
use super::read::reply_with_order;
use super::run::run_all;
use super::save::{Change, lock_order, lock_settled_order, save};
use crate::Orders;
use crate::operation::{Operation, record};
use crate::permissions::OrdersWrite;

/// Why an order is canceled.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct OrderCancel {
    /// In the merchant's words.
    #[schemars(length(max = 500))]
    reason: Option<String>,
}

/// What was done, for a repeat of the request.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Receipt {
    order_id: OrderId,
}

pub(super) async fn cancel(
    State(app): State<Orders>,
    caller: Caller<OrdersWrite>,
    Path(id): Path<OrderId>,
    Json(input): Json<OrderCancel>,
) -> Result<Reply<Order>, Fault> {
    caller.require_idempotency_key()?;
    if input.reason.as_ref().is_some_and(|reason| 500 < reason.chars().count() || reason.contains('\0')) {
        return Err(Fault::invalid("/reason", "length", "Give at most 500 characters, none of them NUL."));
    }
    refuse_card_number("/reason", input.reason.as_deref().unwrap_or_default())?;
    let mut tx = match app.db.begin::<bloom_web::Reply<Receipt, 200>>(&caller, "order_cancel", &(id, &input)).await? {
        Begin::Run(tx) => tx,
        Begin::Replay(_) => return reply_with_order(&app, &caller, id).await.map(Reply::repeated),
    };
    let order = lock_settled_order(&mut tx, id).await?;
    let operations = cancel_locked(&app, &caller, &mut tx, order, input.reason, Stock::Allocated).await?;
    tx.finish(Reply::ok(Receipt { order_id: id })).await?;
    run_all(&app, &caller, operations).await?;
    reply_with_order(&app, &caller, id).await
}

/// Cancels an order whose stock was lost before it was allocated. An order that has ended is left as it is.
pub(crate) async fn cancel_for_shortfall(app: &Orders, call: &RequestContext, id: OrderId) -> Result<(), Fault> {
    let mut tx = app.db.write(call).await?;
    let order = lock_order(&mut tx, id).await?;
    let reason = Some("stock_shortfall".to_owned());
    let operations = match cancel_locked(app, call, &mut tx, order, reason, Stock::NotAllocated).await {
        Ok(operations) => operations,
        Err(fault) if fault.reason == "order_not_cancelable" => return Ok(()),
        Err(fault) => return Err(fault),
    };
    tx.commit().await?;
    run_all(app, call, operations).await?;
    Ok(())
}

/// Cancels a locked order; the caller commits and runs the operations.
async fn cancel_locked(
    app: &Orders,
    call: &RequestContext,
    tx: &mut TenantTx,
    mut order: Order,
    reason: Option<String>,
    stock: Stock,
) -> Result<Vec<Operation>, Fault> {
    order.cancel(reason.clone(), app.host.now(call.tenant))?;
    let operations = ending_operations(app, call, tx, &mut order, stock).await?;
    let change = Change::new("canceled").event("order.canceled").data(json!({ "reason": reason }));
    save(app, call, tx, &mut order, change).await?;
    record(app, call, tx, &operations).await?;
    cancel_timer(tx, expire::TIMER, &order.id.to_string()).await?;
    Ok(operations)
}
