//! `/v1/orders/{order_id}/fulfilments`: creates, ships, delivers and cancels fulfilments.

use axum::extract::State;
use bloom_db::{Answer, TenantTx};
use bloom_fault::{Code, Fault};
use bloom_kernel::{FulfilmentId, Items, LocationId, OperationId, OrderId, Timestamp};
use bloom_runtime::{Operation, RequestContext};
use bloom_web::{Body, Caller, Created, Path, Reply, Routes};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::ending::new_operation;
use super::model::{Fulfilment, LineQuantity, Order, OrderPayment, Tracking};
use super::payment::current_payment;
use super::run::run_all;
use super::save::{Change, lock_order, lock_settled_order, save};
use super::store::order_get;
use crate::failure::Failure;
use crate::operation::{self, OperationKind, OperationStatus, operation_get, operations_shipping, record, retry_now};
use crate::{Orders, OrdersWrite};

pub fn routes() -> Routes<Orders> {
    Routes::new("/v1/orders/{order_id}/fulfilments")
        .post("fulfilment_create", "Create a fulfilment; with tracking it ships at once", create)
        .at("/{fulfilment_id}/ship")
        .post("fulfilment_ship", "Ship a fulfilment", ship)
        .at("/{fulfilment_id}/deliver")
        .post("fulfilment_deliver", "Mark a fulfilment as delivered", deliver)
        .at("/{fulfilment_id}/cancel")
        .post("fulfilment_cancel", "Cancel a fulfilment that has not shipped", cancel)
}

/// A new fulfilment.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FulfilmentCreate {
    /// Its units; empty: all that are left.
    lines: Items<LineQuantity, 0, 200>,
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
pub struct FulfilmentShip {
    /// How to track it.
    tracking: Option<Tracking>,
}

/// What was begun, for a repeat of the request.
#[derive(Serialize, Deserialize)]
struct Receipt {
    id: FulfilmentId,
    /// Its shipment, when it was to ship at once.
    shipment: Option<OperationId>,
}

async fn create(
    State(app): State<Orders>,
    caller: Caller<OrdersWrite>,
    Path(id): Path<OrderId>,
    Body(input): Body<FulfilmentCreate>,
) -> Result<Created<Fulfilment>, Fault> {
    let ships = input.shipped || input.tracking.is_some();
    let mut begun = None;
    let read_payment = async || if ships { current_payment(&app, &caller, id).await } else { Ok(None) };
    let done = app.db.idempotent_after(caller.operation("order_fulfil", &(id, &input)), read_payment, async |tx, payment| {
        let mut order = lock_for_shipping(tx, id, payment).await?;
        let new: FulfilmentId = tx.new_id();
        order.pack(new, &input.lines, input.location_id, tx.now())?;
        let (shipment, word) = if ships {
            (Some(shipment_of(tx, &mut order, new, input.tracking)?.with_new_fulfilment()), "shipped")
        } else {
            (None, "packed")
        };
        save(tx, &mut order, Change::new(word).data(json!({ "fulfilment_id": new }))).await?;
        record(&app, tx, shipment.as_slice()).await?;
        let receipt = Receipt { id: new, shipment: shipment.as_ref().map(|shipment| shipment.id) };
        begun = Some(shipment);
        Ok(receipt)
    });
    let Answer(receipt) = done.await?;
    let is_replay = begun.is_none();
    run_all(&app, &caller, begun.flatten().into_iter().collect()).await?;
    let reply = Reply::created(outcome(&app, &caller, id, &receipt).await?);
    Ok(if is_replay { reply.repeated() } else { reply })
}

async fn ship(
    State(app): State<Orders>,
    caller: Caller<OrdersWrite>,
    Path((id, fulfilment_id)): Path<(OrderId, FulfilmentId)>,
    Body(input): Body<FulfilmentShip>,
) -> Result<Reply<Fulfilment>, Fault> {
    let mut begun = None;
    let operation = caller.operation("order_ship", &(id, fulfilment_id, &input));
    let read_payment = async || current_payment(&app, &caller, id).await;
    let done = app.db.idempotent_after(operation, read_payment, async |tx, payment| {
        let mut order = lock_for_shipping(tx, id, payment).await?;
        check_answered(tx, id, fulfilment_id).await?;
        let shipment = shipment_of(tx, &mut order, fulfilment_id, input.tracking)?;
        save(tx, &mut order, Change::new("shipped").data(json!({ "fulfilment_id": fulfilment_id }))).await?;
        record(&app, tx, std::slice::from_ref(&shipment)).await?;
        let receipt = Receipt { id: fulfilment_id, shipment: Some(shipment.id) };
        begun = Some(shipment);
        Ok(receipt)
    });
    let Answer(receipt) = done.await?;
    let is_replay = begun.is_none();
    run_all(&app, &caller, begun.into_iter().collect()).await?;
    let reply = Reply::ok(outcome(&app, &caller, id, &receipt).await?);
    Ok(if is_replay { reply.repeated() } else { reply })
}

async fn deliver(
    State(app): State<Orders>,
    caller: Caller<OrdersWrite>,
    Path((id, fulfilment_id)): Path<(OrderId, FulfilmentId)>,
) -> Result<Reply<Fulfilment>, Fault> {
    change(&app, caller.operation("order_deliver", &(id, fulfilment_id)), (id, fulfilment_id), "delivered", Fulfilment::deliver)
        .await
}

async fn cancel(
    State(app): State<Orders>,
    caller: Caller<OrdersWrite>,
    Path((id, fulfilment_id)): Path<(OrderId, FulfilmentId)>,
) -> Result<Reply<Fulfilment>, Fault> {
    change(&app, caller.operation("order_unpack", &(id, fulfilment_id)), (id, fulfilment_id), "unpacked", Fulfilment::cancel)
        .await
}

async fn change(
    app: &Orders,
    operation: Operation<'_>,
    (id, fulfilment_id): (OrderId, FulfilmentId),
    word: &'static str,
    transition: fn(&mut Fulfilment, Timestamp) -> Result<(), Fault>,
) -> Result<Reply<Fulfilment>, Fault> {
    app.db
        .idempotent(operation, async |tx| {
            let mut order = lock_order(tx, id).await?;
            check_answered(tx, id, fulfilment_id).await?;
            let fulfilment = order.fulfilment(fulfilment_id)?;
            transition(fulfilment, tx.now())?;
            let fulfilment = fulfilment.clone();
            save(tx, &mut order, Change::new(word).data(json!({ "fulfilment_id": fulfilment_id }))).await?;
            Ok(Reply::ok(fulfilment))
        })
        .await
}

/// Locks the order and stores the amounts that its payment had a moment ago. A shipment reads them first. A fulfilment that is only
/// packed does not, because its shipment will.
async fn lock_for_shipping(tx: &mut TenantTx, id: OrderId, payment: Option<OrderPayment>) -> Result<Order, Fault> {
    let mut order = lock_settled_order(tx, id).await?;
    if payment.is_some_and(|payment| order.apply_payment(&payment).is_some()) {
        order.derive(tx.now());
        retry_now(tx, id).await?;
    }
    Ok(order)
}

/// Refuses to change a fulfilment whose shipment inventory has not answered yet, because a refusal reverts the shipment.
async fn check_answered(tx: &mut TenantTx, order: OrderId, fulfilment: FulfilmentId) -> Result<(), Fault> {
    if !operations_shipping(tx, order).await?.contains(&fulfilment) {
        return Ok(());
    }
    let detail = "This fulfilment is being shipped, and inventory has not answered yet. Read the order or try again in a moment.";
    Err(Fault::new(Code::Conflict, "operation_in_progress", detail).retry_after(1))
}

/// Ships the fulfilment in the order; the operation reports it to inventory. Its cost is captured once inventory has accepted it.
fn shipment_of(
    tx: &TenantTx,
    order: &mut Order,
    id: FulfilmentId,
    tracking: Option<Tracking>,
) -> Result<operation::Operation, Fault> {
    let fulfilment = order.ship(id, tracking, tx.now())?.clone();
    let units = order.units_of(&fulfilment);
    Ok(new_operation(tx, order, OperationKind::Ship).with_units(units).with_target(id.uuid()))
}

/// The fulfilment as it is now, or the reason of inventory's refusal; a repeat gets the same reply.
async fn outcome(app: &Orders, context: &RequestContext, order: OrderId, receipt: &Receipt) -> Result<Fulfilment, Fault> {
    let mut conn = app.db.read(context.tenant).await?;
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
