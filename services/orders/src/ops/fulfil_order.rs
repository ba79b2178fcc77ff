//! Parcels of an order: packed, shipped, delivered, or given up.

use bloom_db::{Begin, TenantTx};
use bloom_fault::{Code, Fault};
use bloom_kernel::{FulfilmentId, LocationId, OperationId, OrderId};
use bloom_runtime::RequestContext;
use bloom_web::Reply;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::run_operation::{operation, record, run_all};
use super::save_order::{Change, locked, locked_and_settled, save};
use crate::Orders;
use crate::domain::checkout::Failure;
use crate::domain::fulfilment::{Fulfilment, LineQuantity, Tracking};
use crate::domain::operation::{Kind, Operation, OperationStatus};
use crate::domain::order::Order;
use crate::store::operation::{operation_get, operation_shipping};
use crate::store::order::order_get;

/// A new parcel.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FulfilmentCreate {
    /// What is in it; empty: everything that is left.
    #[schemars(length(max = 200))]
    pub lines: Vec<LineQuantity>,
    /// Only from this location.
    pub location_id: Option<LocationId>,
    /// True when it leaves at once.
    pub shipped: bool,
    /// How to follow it; a parcel with tracking leaves at once.
    pub tracking: Option<Tracking>,
}

/// A parcel leaves.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FulfilmentShip {
    /// How to follow it.
    pub tracking: Option<Tracking>,
}

/// What began, for a repeat of the request.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Receipt {
    id: FulfilmentId,
    /// Its shipment, when it was to leave.
    shipment: Option<OperationId>,
}

/// Packs a parcel, and ships it when it is to leave at once.
pub async fn create_fulfilment(
    app: &Orders,
    call: &RequestContext,
    id: OrderId,
    input: FulfilmentCreate,
) -> Result<Reply<Fulfilment, 201>, Fault> {
    if let Some(tracking) = &input.tracking {
        tracking.check()?;
    }
    let mut tx = match app.db.begin::<bloom_web::Reply<Receipt, 201>>(call, "order_fulfil", &(id, &input)).await? {
        Begin::Run(tx) => tx,
        Begin::Replay(reply) => return answer(app, call, id, &known(&reply)?).await.map(Reply::created).map(Reply::repeated),
    };
    let mut order = locked_and_settled(&mut tx, id).await?;
    let parcel: FulfilmentId = app.host.id(call.tenant);
    order.pack(parcel, &input.lines, input.location_id, app.host.now(call.tenant))?;
    let (shipment, word) = if input.shipped || input.tracking.is_some() {
        (Some(ship(app, call, &mut order, parcel, input.tracking)?.with_its_parcel()), "shipped")
    } else {
        (None, "packed")
    };
    save(app, call, &mut tx, &mut order, Change::new(word).data(json!({ "fulfilment_id": parcel }))).await?;
    record(app, call, &mut tx, shipment.as_slice()).await?;
    let receipt = Receipt { id: parcel, shipment: shipment.as_ref().map(|shipment| shipment.id) };
    tx.finish(Reply::created(&receipt)).await?;
    run_all(app, call, shipment.into_iter().collect()).await?;
    answer(app, call, id, &receipt).await.map(Reply::created)
}

/// Ships a packed parcel.
pub async fn ship_fulfilment(
    app: &Orders,
    call: &RequestContext,
    id: OrderId,
    parcel: FulfilmentId,
    input: FulfilmentShip,
) -> Result<Reply<Fulfilment>, Fault> {
    if let Some(tracking) = &input.tracking {
        tracking.check()?;
    }
    let mut tx = match app.db.begin::<bloom_web::Reply<Receipt, 200>>(call, "order_ship", &(id, parcel, &input)).await? {
        Begin::Run(tx) => tx,
        Begin::Replay(reply) => return answer(app, call, id, &known(&reply)?).await.map(Reply::ok).map(Reply::repeated),
    };
    let mut order = locked_and_settled(&mut tx, id).await?;
    decided(&mut tx, id, parcel).await?;
    let shipment = ship(app, call, &mut order, parcel, input.tracking)?;
    save(app, call, &mut tx, &mut order, Change::new("shipped").data(json!({ "fulfilment_id": parcel }))).await?;
    record(app, call, &mut tx, std::slice::from_ref(&shipment)).await?;
    let receipt = Receipt { id: parcel, shipment: Some(shipment.id) };
    tx.finish(Reply::ok(&receipt)).await?;
    run_all(app, call, vec![shipment]).await?;
    answer(app, call, id, &receipt).await.map(Reply::ok)
}

/// Notes that a parcel has arrived.
pub async fn deliver_fulfilment(
    app: &Orders,
    call: &RequestContext,
    id: OrderId,
    parcel: FulfilmentId,
) -> Result<Reply<Fulfilment>, Fault> {
    change(app, call, id, parcel, "delivered", "order_deliver").await
}

/// Gives up a parcel that has not left.
pub async fn cancel_fulfilment(
    app: &Orders,
    call: &RequestContext,
    id: OrderId,
    parcel: FulfilmentId,
) -> Result<Reply<Fulfilment>, Fault> {
    change(app, call, id, parcel, "unpacked", "order_unpack").await
}

async fn change(
    app: &Orders,
    call: &RequestContext,
    id: OrderId,
    parcel: FulfilmentId,
    word: &'static str,
    op: &'static str,
) -> Result<Reply<Fulfilment>, Fault> {
    let now = app.host.now(call.tenant);
    let mut tx = match app.db.begin(call, op, &(id, parcel)).await? {
        Begin::Run(tx) => tx,
        Begin::Replay(reply) => return Ok(reply),
    };
    let (mut order, _) = locked(&mut tx, id).await?;
    decided(&mut tx, id, parcel).await?;
    let fulfilment = order.parcel(parcel)?;
    if word == "delivered" {
        fulfilment.deliver(now)?;
    } else {
        fulfilment.cancel(now)?;
    }
    let fulfilment = fulfilment.clone();
    save(app, call, &mut tx, &mut order, Change::new(word).data(json!({ "fulfilment_id": parcel }))).await?;
    tx.finish(Reply::ok(fulfilment)).await
}

/// Refuses to touch a parcel that stock has not answered for: its answer may bring the parcel back.
async fn decided(tx: &mut TenantTx, order: OrderId, parcel: FulfilmentId) -> Result<(), Fault> {
    if !operation_shipping(tx, order).await?.contains(&parcel) {
        return Ok(());
    }
    let detail = "This fulfilment is being shipped, and stock has not answered yet. Read the order or try again in a moment.";
    Err(Fault::new(Code::Conflict, "operation_in_progress", detail).retry_after(1))
}

/// The parcel leaves: stock is told. What it is worth is drawn when stock has agreed.
fn ship(
    app: &Orders,
    call: &RequestContext,
    order: &mut Order,
    id: FulfilmentId,
    tracking: Option<Tracking>,
) -> Result<Operation, Fault> {
    let parcel = order.ship(id, tracking, app.host.now(call.tenant))?.clone();
    let units = order.parcel_units(&parcel);
    Ok(operation(app, call, order, Kind::Ship).of_units(units).on_behalf_of(id.uuid()))
}

fn known<const STATUS: u16>(reply: &Reply<Receipt, STATUS>) -> Result<Receipt, Fault> {
    reply.replayed_as().unwrap_or_else(|| Err(Fault::internal("a replay without its body")))
}

/// The parcel as it stands by now, or why stock refused to let it go; the first time as any other time.
async fn answer(app: &Orders, call: &RequestContext, order: OrderId, receipt: &Receipt) -> Result<Fulfilment, Fault> {
    let mut connection = app.db.read(call.tenant).await?;
    if let Some(shipment) = receipt.shipment {
        let stored = operation_get(&mut connection, shipment).await?.ok_or_else(|| Fault::not_found("shipment"))?;
        match stored.status {
            OperationStatus::Running | OperationStatus::Succeeded => {}
            OperationStatus::Failed => {
                let fault = || Fault::new(Code::Conflict, "shipment_refused", "Stock does not know of these units.");
                return Err(stored.failure.as_ref().map_or_else(fault, Failure::fault));
            }
        }
    }
    let mut stored = order_get(&mut connection, order).await?.ok_or_else(|| Fault::not_found("order"))?;
    stored.order.parcel(receipt.id).cloned()
}
