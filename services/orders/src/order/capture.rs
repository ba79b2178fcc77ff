//! `POST /v1/orders/{order_id}/captures`: captures authorised money.

use axum::extract::State;
use bloom_db::Answer;
use bloom_fault::{Code, Fault};
use bloom_kernel::{Currency, Money, OperationId, OrderId, Timestamp};
use bloom_web::{Body, Caller, Created, Path, Reply};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::ending::new_operation;
use super::run::run_all;
use super::save::{Change, lock_order, save};
use crate::failure::Failure;
use crate::operation::{Operation, OperationKind, OperationStatus, operation_get, operations_moving_money, record};
use crate::{Orders, OrdersWrite};

/// How much is captured.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CaptureCreate {
    /// Absent: all that is left.
    amount: Option<Money>,
}

/// The status of a capture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CaptureStatus {
    /// The provider has not answered yet.
    Pending,
    /// Captured.
    Succeeded,
}

/// A capture.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Capture {
    /// Its id, the provider's idempotency key.
    id: OperationId,
    /// The order.
    order_id: OrderId,
    /// How much.
    amount: Money,
    /// Its status.
    status: CaptureStatus,
    /// When it was asked for.
    created_at: Timestamp,
}

/// What was begun, for a repeat of the request.
#[derive(Serialize, Deserialize)]
struct Receipt {
    id: OperationId,
    currency: Currency,
}

pub async fn capture(
    State(app): State<Orders>,
    caller: Caller<OrdersWrite>,
    Path(id): Path<OrderId>,
    Body(input): Body<CaptureCreate>,
) -> Result<Created<Capture>, Fault> {
    caller.require_idempotency_key()?;
    let mut begun = None;
    let done = app.db.idempotent(caller.operation("order_capture", &(id, &input)), async |tx| {
        let mut order = lock_order(tx, id).await?;
        let moving = operations_moving_money(tx, id).await?;
        let amount = order.capture_amount(moving.capturing, input.amount)?;
        let operation = new_operation(tx, &order, OperationKind::Capture).with_amount(amount);
        record(&app, tx, std::slice::from_ref(&operation)).await?;
        let data = json!({ "operation_id": operation.id, "amount": amount });
        save(tx, &mut order, Change::new("capture_asked").data(data)).await?;
        let receipt = Receipt { id: operation.id, currency: order.currency };
        begun = Some(operation);
        Ok(receipt)
    });
    let Answer(Receipt { id, currency }) = done.await?;
    if let Some(operation) = begun {
        let operations = run_all(&app, &caller, vec![operation]).await?;
        let done = operations.first().ok_or_else(|| Fault::internal("a capture that was not run"))?;
        return reply(done, currency);
    }
    let stored = operation_get(&mut *app.db.read(caller.tenant).await?, id).await?;
    reply(&stored.ok_or_else(|| Fault::not_found("capture"))?, currency).map(Reply::repeated)
}

fn reply(operation: &Operation, currency: Currency) -> Result<Created<Capture>, Fault> {
    let status = match operation.status {
        OperationStatus::Running => CaptureStatus::Pending,
        OperationStatus::Succeeded => CaptureStatus::Succeeded,
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
