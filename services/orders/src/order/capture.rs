//! `POST /v1/orders/{order_id}/captures`: captures authorised money.

use axum::extract::State;
use bloom_db::Begin;
use bloom_fault::{Code, Fault};
use bloom_kernel::{Currency, Money, OperationId, OrderId, Timestamp};
use bloom_web::Reply;
use bloom_web::{Caller, Json, Path};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::ending::new_operation;
use super::run::run_all;
use super::save::{Change, lock_order, save};
use crate::Orders;
use crate::failure::Failure;
use crate::operation::{Operation, OperationKind, OperationStatus, operation_get, operations_moving_money, record};
use crate::permissions::OrdersWrite;

/// How much is captured.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct CaptureCreate {
    /// Absent: all that is left.
    amount: Option<Money>,
}

/// The status of a capture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum OperationState {
    /// The provider has not answered yet.
    Pending,
    /// Captured.
    Succeeded,
}

/// A capture.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(super) struct Capture {
    /// Its id, the provider's idempotency key.
    id: OperationId,
    /// The order.
    order_id: OrderId,
    /// How much.
    amount: Money,
    /// Its status.
    status: OperationState,
    /// When it was asked for.
    created_at: Timestamp,
}

/// What was begun, for a repeat of the request.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Receipt {
    id: OperationId,
    currency: Currency,
}

pub(super) async fn capture(
    State(app): State<Orders>,
    caller: Caller<OrdersWrite>,
    Path(id): Path<OrderId>,
    Json(input): Json<CaptureCreate>,
) -> Result<Reply<Capture, 201>, Fault> {
    caller.require_idempotency_key()?;
    let mut tx = match app.db.begin::<bloom_web::Reply<Receipt, 201>>(&caller, "order_capture", &(id, &input)).await? {
        Begin::Run(tx) => tx,
        Begin::Replay(reply) => {
            let known = reply.replayed_as::<Receipt>().unwrap_or_else(|| Err(Fault::internal("a replay without its body")))?;
            let stored = operation_get(&mut *app.db.read(caller.tenant).await?, known.id).await?;
            let operation = stored.ok_or_else(|| Fault::not_found("capture"))?;
            return answer(&operation, known.currency).map(Reply::repeated);
        }
    };
    let mut order = lock_order(&mut tx, id).await?;
    let moving = operations_moving_money(&mut tx, id).await?;
    let amount = order.capture_amount(moving.capturing, input.amount)?;
    let operation = new_operation(&app, &caller, &order, OperationKind::Capture).with_amount(amount);
    record(&app, &caller, &mut tx, std::slice::from_ref(&operation)).await?;
    let data = json!({ "operation_id": operation.id, "amount": amount });
    save(&app, &caller, &mut tx, &mut order, Change::new("capture_asked").data(data)).await?;
    tx.finish(Reply::created(Receipt { id: operation.id, currency: order.currency })).await?;
    let operations = run_all(&app, &caller, vec![operation]).await?;
    operations.first().map_or_else(|| Err(Fault::internal("a capture that was not run")), |done| answer(done, order.currency))
}

fn answer(operation: &Operation, currency: Currency) -> Result<Reply<Capture, 201>, Fault> {
    let status = match operation.status {
        OperationStatus::Running => OperationState::Pending,
        OperationStatus::Succeeded => OperationState::Succeeded,
        OperationStatus::Failed => {
            let refused = || Fault::new(Code::Unprocessable, "capture_refused", "The capture was refused.");
            return Err(operation.failure.as_ref().map_or_else(refused, Failure::fault));
        }
    };
    Ok(Reply::created(Capture {
        id: operation.id,
        order_id: operation.order_id,
        amount: Money::new(operation.amount.unwrap_or_default(), currency),
        status,
        created_at: operation.created_at,
    }))
}
