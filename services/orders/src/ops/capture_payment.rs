//! Draws promised money.

use bloom_db::Begin;
use bloom_fault::{Code, Fault};
use bloom_kernel::{Money, OperationId, OrderId, Timestamp};
use bloom_runtime::RequestContext;
use bloom_web::Reply;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::run_operation::{operation, record, run_all};
use super::save_order::{Change, locked, save};
use crate::Orders;
use crate::domain::checkout::Failure;
use crate::domain::operation::{Kind, Operation, OperationStatus};
use crate::domain::order::Order;
use crate::domain::status::Status;
use crate::store::operation::{operation_get, operation_money_under_way};

/// How much is drawn.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CaptureCreate {
    /// Absent: all that is left.
    pub amount: Option<Money>,
}

/// Where an operation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OperationState {
    /// The provider works on it.
    Pending,
    /// Done.
    Succeeded,
}

/// A capture.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Capture {
    /// Its id, the provider's idempotency key.
    pub id: OperationId,
    /// The order.
    pub order_id: OrderId,
    /// How much.
    pub amount: Money,
    /// Where it stands.
    pub status: OperationState,
    /// When it was asked for.
    pub created_at: Timestamp,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Receipt {
    id: OperationId,
    currency: bloom_kernel::Currency,
}

/// Draws money that the payer's bank has promised for the order.
pub async fn capture_payment(
    app: &Orders,
    call: &RequestContext,
    id: OrderId,
    input: CaptureCreate,
) -> Result<Reply<Capture, 201>, Fault> {
    call.require_idempotency_key()?;
    let mut tx = match app.db.begin::<bloom_web::Reply<Receipt, 201>>(call, "order_capture", &(id, &input)).await? {
        Begin::Run(tx) => tx,
        Begin::Replay(reply) => {
            let known = reply.replayed_as::<Receipt>().unwrap_or_else(|| Err(Fault::internal("a replay without its body")))?;
            let stored = operation_get(&mut *app.db.read(call.tenant).await?, known.id).await?;
            let operation = stored.ok_or_else(|| Fault::not_found("capture"))?;
            return answer(&operation, known.currency).map(Reply::repeated);
        }
    };
    let (mut order, _) = locked(&mut tx, id).await?;
    let (running, _) = operation_money_under_way(&mut tx, id).await?;
    let amount = capturable(&order, running, input.amount)?;
    let capture = operation(app, call, &order, Kind::Capture).of_amount(amount);
    record(app, call, &mut tx, std::slice::from_ref(&capture)).await?;
    let data = json!({ "operation_id": capture.id, "amount": amount });
    save(app, call, &mut tx, &mut order, Change::new("capture_asked").data(data)).await?;
    tx.finish(Reply::created(Receipt { id: capture.id, currency: order.currency })).await?;
    let operations = run_all(app, call, vec![capture]).await?;
    operations.first().map_or_else(|| Err(Fault::internal("a capture that was not run")), |done| answer(done, order.currency))
}

/// What may be drawn: the wish, or all that is left.
fn capturable(order: &Order, running: i64, wish: Option<Money>) -> Result<Money, Fault> {
    match order.status {
        Status::Placed | Status::Confirmed | Status::Completed => {}
        Status::Canceled | Status::Expired => {
            let detail = "This order is canceled or expired; nothing more is drawn.";
            return Err(Fault::new(Code::Conflict, "order_ended", detail));
        }
    }
    let left = order
        .payment
        .as_ref()
        .map_or(0, |payment| payment.authorised.amount() - payment.captured.amount() - payment.voided.amount() - running);
    let wish = wish.unwrap_or(Money::new(left, order.currency));
    if wish.currency() != order.currency {
        let message = format!("This order is in {}.", order.currency);
        return Err(Fault::invalid("/amount/currency", "currency_mismatch", message));
    }
    if left <= 0 {
        let detail = "Nothing of this order is promised and not drawn.";
        return Err(Fault::new(Code::Conflict, "nothing_to_capture", detail));
    }
    if wish.amount() <= 0 {
        return Err(Fault::invalid("/amount/amount", "not_positive", "A capture is above 0."));
    }
    if left < wish.amount() {
        let message = format!("At most {left} minor units of this order are left to capture.");
        let fault = Fault::new(Code::Unprocessable, "capture_exceeds_authorised", message.as_str());
        return Err(fault.at("/amount/amount", "too_large", message));
    }
    Ok(wish)
}

fn answer(operation: &Operation, currency: bloom_kernel::Currency) -> Result<Reply<Capture, 201>, Fault> {
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
