//! `/v1/orders/{order_id}/fulfilments`: creates, ships, delivers and cancels fulfilments.

use aide::axum::ApiRouter;
use aide::axum::routing::post_with;
use axum::extract::State;
use bloom_db::{Begin, TenantTx};
use bloom_fault::{Code, Fault};
use bloom_kernel::{FulfilmentId, LocationId, OperationId, OrderId, Timestamp};
use bloom_runtime::RequestContext;
use bloom_web::Reply;
use bloom_web::{Caller, Json, Path};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::ending::new_operation;
use super::model::{Fulfilment, LineQuantity, Order, OrderPayment, Tracking};
use super::payment::current_payment;
use super::run::run_all;
use super::save::{Change, lock_order, lock_settled_order, save};
use super::store::order_get;
use crate::Orders;
use crate::failure::Failure;
use crate::operation::{Operation, OperationKind, OperationStatus, operation_get, operations_shipping, record, retry_now};
use crate::permissions::OrdersWrite;

pub(super) fn routes() -> ApiRouter<Orders> {
    ApiRouter::new()
        .api_route(
            "/v1/orders/{order_id}/fulfilments",
            post_with(create, |op| {
                op.id("fulfilment_create").tag("fulfilments").summary("Create a fulfilment; with tracking it ships at once")
            }),
        )
        .api_route(
            "/v1/orders/{order_id}/fulfilments/{fulfilment_id}/ship",
            post_with(ship, |op| op.id("fulfilment_ship").tag("fulfilments").summary("Ship a fulfilment")),
        )
        .api_route(
            "/v1/orders/{order_id}/fulfilments/{fulfilment_id}/deliver",
            post_with(deliver, |op| op.id("fulfilment_deliver").tag("fulfilments").summary("Mark a fulfilment as delivered")),
        )
        .api_route(
            "/v1/orders/{order_id}/fulfilments/{fulfilment_id}/cancel",
            post_with(cancel, |op| {
                op.id("fulfilment_cancel").tag("fulfilments").summary("Cancel a fulfilment that has not shipped")
            }),
        )
}

/// A new fulfilment.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct FulfilmentCreate {
    /// Its units; empty: all that are left.
    #[schemars(length(max = 200))]
    lines: Vec<LineQuantity>,
    /// Only units at this location.
    location_id: Option<LocationId>,
    /// True when it ships at once.
    shipped: bool,
    /// How to track it; a fulfilment with tracking ships at once.
    tracking: Option<Tracking>,
}

/// The shipment of a fulfilment.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct FulfilmentShip {
    /// How to track it.
    tracking: Option<Tracking>,
}

/// What was begun, for a repeat of the request.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Receipt {
    id: FulfilmentId,
    /// Its shipment, when it was to ship at once.
    shipment: Option<OperationId>,
}

async fn create(
    State(app): State<Orders>,
    caller: Caller<OrdersWrite>,
    Path(id): Path<OrderId>,
    Json(input): Json<FulfilmentCreate>,
) -> Result<Reply<Fulfilment, 201>, Fault> {
    const OPERATION: &str = "order_fulfil";
    if let Some(tracking) = &input.tracking {
        tracking.check()?;
    }
    let ships = input.shipped || input.tracking.is_some();
    let payment = match current_payment_if(ships, &app, &caller, id).await {
        Ok(payment) => payment,
        Err(fault) => {
            let reply =
                app.db.replay_or::<bloom_web::Reply<Receipt, 201>>(caller.operation(OPERATION, &(id, &input)), fault).await?;
            return answer(&app, &caller, id, &known(&reply)?).await.map(Reply::created).map(Reply::repeated);
        }
    };
    let mut tx = match app.db.begin::<bloom_web::Reply<Receipt, 201>>(&caller, OPERATION, &(id, &input)).await? {
        Begin::Run(tx) => tx,
        Begin::Replay(reply) => {
            return answer(&app, &caller, id, &known(&reply)?).await.map(Reply::created).map(Reply::repeated);
        }
    };
    let mut order = lock_for_shipping(&app, &mut tx, id, payment).await?;
    let new: FulfilmentId = app.host.id(caller.tenant);
    order.pack(new, &input.lines, input.location_id, app.host.now(caller.tenant))?;
    let (shipment, word) = if ships {
        (Some(shipment_of(&app, &caller, &mut order, new, input.tracking)?.with_new_fulfilment()), "shipped")
    } else {
        (None, "packed")
    };
    save(&app, &caller, &mut tx, &mut order, Change::new(word).data(json!({ "fulfilment_id": new }))).await?;
    record(&app, &caller, &mut tx, shipment.as_slice()).await?;
    let receipt = Receipt { id: new, shipment: shipment.as_ref().map(|shipment| shipment.id) };
    tx.finish(Reply::created(&receipt)).await?;
    run_all(&app, &caller, shipment.into_iter().collect()).await?;
    answer(&app, &caller, id, &receipt).await.map(Reply::created)
}

async fn ship(
    State(app): State<Orders>,
    caller: Caller<OrdersWrite>,
    Path((id, fulfilment_id)): Path<(OrderId, FulfilmentId)>,
    Json(input): Json<FulfilmentShip>,
) -> Result<Reply<Fulfilment>, Fault> {
    const OPERATION: &str = "order_ship";
    if let Some(tracking) = &input.tracking {
        tracking.check()?;
    }
    let payment = match current_payment(&app, &caller, id).await {
        Ok(payment) => payment,
        Err(fault) => {
            let reply = app
                .db
                .replay_or::<bloom_web::Reply<Receipt, 200>>(caller.operation(OPERATION, &(id, fulfilment_id, &input)), fault)
                .await?;
            return answer(&app, &caller, id, &known(&reply)?).await.map(Reply::ok).map(Reply::repeated);
        }
    };
    let mut tx = match app.db.begin::<bloom_web::Reply<Receipt, 200>>(&caller, OPERATION, &(id, fulfilment_id, &input)).await? {
        Begin::Run(tx) => tx,
        Begin::Replay(reply) => return answer(&app, &caller, id, &known(&reply)?).await.map(Reply::ok).map(Reply::repeated),
    };
    let mut order = lock_for_shipping(&app, &mut tx, id, payment).await?;
    check_answered(&mut tx, id, fulfilment_id).await?;
    let shipment = shipment_of(&app, &caller, &mut order, fulfilment_id, input.tracking)?;
    save(&app, &caller, &mut tx, &mut order, Change::new("shipped").data(json!({ "fulfilment_id": fulfilment_id }))).await?;
    record(&app, &caller, &mut tx, std::slice::from_ref(&shipment)).await?;
    let receipt = Receipt { id: fulfilment_id, shipment: Some(shipment.id) };
    tx.finish(Reply::ok(&receipt)).await?;
    run_all(&app, &caller, vec![shipment]).await?;
    answer(&app, &caller, id, &receipt).await.map(Reply::ok)
}

async fn deliver(
    State(app): State<Orders>,
    caller: Caller<OrdersWrite>,
    Path((id, fulfilment_id)): Path<(OrderId, FulfilmentId)>,
) -> Result<Reply<Fulfilment>, Fault> {
    change(&app, &caller, (id, fulfilment_id), "order_deliver", "delivered", Fulfilment::deliver).await
}

async fn cancel(
    State(app): State<Orders>,
    caller: Caller<OrdersWrite>,
    Path((id, fulfilment_id)): Path<(OrderId, FulfilmentId)>,
) -> Result<Reply<Fulfilment>, Fault> {
    change(&app, &caller, (id, fulfilment_id), "order_unpack", "unpacked", Fulfilment::cancel).await
}

async fn change(
    app: &Orders,
    call: &RequestContext,
    (id, fulfilment_id): (OrderId, FulfilmentId),
    operation: &'static str,
    word: &'static str,
    transition: fn(&mut Fulfilment, Timestamp) -> Result<(), Fault>,
) -> Result<Reply<Fulfilment>, Fault> {
    let mut tx = match app.db.begin(call, operation, &(id, fulfilment_id)).await? {
        Begin::Run(tx) => tx,
        Begin::Replay(reply) => return Ok(reply),
    };
    let mut order = lock_order(&mut tx, id).await?;
    check_answered(&mut tx, id, fulfilment_id).await?;
    let fulfilment = order.fulfilment(fulfilment_id)?;
    transition(fulfilment, app.host.now(call.tenant))?;
    let fulfilment = fulfilment.clone();
    save(app, call, &mut tx, &mut order, Change::new(word).data(json!({ "fulfilment_id": fulfilment_id }))).await?;
    tx.finish(Reply::ok(fulfilment)).await
}

/// Goods leave: the payment is asked for its amounts first. To pack needs no more than the order's copy of them, as the shipment asks.
async fn current_payment_if(
    ships: bool,
    app: &Orders,
    call: &RequestContext,
    id: OrderId,
) -> Result<Option<OrderPayment>, Fault> {
    if ships { current_payment(app, call, id).await } else { Ok(None) }
}

/// Locks the order and takes over the amounts that its payment had a moment ago.
async fn lock_for_shipping(app: &Orders, tx: &mut TenantTx, id: OrderId, payment: Option<OrderPayment>) -> Result<Order, Fault> {
    let mut order = lock_settled_order(tx, id).await?;
    if payment.is_some_and(|payment| order.apply_payment(&payment).is_some()) {
        order.derive(app.host.now(tx.tenant()));
        retry_now(app, tx, id).await?;
    }
    Ok(order)
}

/// Refuses to change a fulfilment whose shipment inventory has not answered yet: a refusal takes the shipment back.
async fn check_answered(tx: &mut TenantTx, order: OrderId, fulfilment: FulfilmentId) -> Result<(), Fault> {
    if !operations_shipping(tx, order).await?.contains(&fulfilment) {
        return Ok(());
    }
    let detail = "This fulfilment is being shipped, and inventory has not answered yet. Read the order or try again in a moment.";
    Err(Fault::new(Code::Conflict, "operation_in_progress", detail).retry_after(1))
}

/// Ships the fulfilment in the order; the operation tells inventory. What it costs is captured when inventory has agreed.
fn shipment_of(
    app: &Orders,
    call: &RequestContext,
    order: &mut Order,
    id: FulfilmentId,
    tracking: Option<Tracking>,
) -> Result<Operation, Fault> {
    let fulfilment = order.ship(id, tracking, app.host.now(call.tenant))?.clone();
    let units = order.units_of(&fulfilment);
    Ok(new_operation(app, call, order, OperationKind::Ship).with_units(units).with_target(id.uuid()))
}

fn known<const STATUS: u16>(reply: &Reply<Receipt, STATUS>) -> Result<Receipt, Fault> {
    reply.replayed_as().unwrap_or_else(|| Err(Fault::internal("a replay without its body")))
}

/// The fulfilment as it is now, or why inventory refused its shipment; to a repeat the same as the first time.
async fn answer(app: &Orders, call: &RequestContext, order: OrderId, receipt: &Receipt) -> Result<Fulfilment, Fault> {
    let mut conn = app.db.read(call.tenant).await?;
    if let Some(shipment) = receipt.shipment {
        let stored = operation_get(&mut conn, shipment).await?.ok_or_else(|| Fault::not_found("shipment"))?;
        match stored.status {
            OperationStatus::Running | OperationStatus::Succeeded => {}
            OperationStatus::Failed => {
                let fault = || Fault::new(Code::Conflict, "shipment_refused", "Inventory does not know these units.");
                return Err(stored.failure.as_ref().map_or_else(fault, Failure::fault));
            }
        }
    }
    let mut stored = order_get(&mut conn, order).await?.ok_or_else(|| Fault::not_found("order"))?;
    stored.order.fulfilment(receipt.id).cloned()
}
