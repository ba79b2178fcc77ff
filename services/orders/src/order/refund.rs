//! `POST /v1/orders/{order_id}/refunds`: refunds captured money, for units or for an amount.

use axum::extract::State;
use bloom_db::Begin;
use bloom_fault::{Code, Fault, refuse_card_number};
use bloom_kernel::{Money, OperationId, OrderId, RefundId};
use bloom_runtime::RequestContext;
use bloom_web::Reply;
use bloom_web::{Caller, Json, Path};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::ending::new_operation;
use super::model::{LineQuantity, Refund, RefundState, RefundWish};
use super::read::read_order;
use super::run::{PAYMENT_REFUSED, run_all};
use super::save::{Change, lock_order, save};
use crate::Orders;
use crate::operation::{OperationKind, operation_get, record};
use crate::permissions::OrdersWrite;

/// What is refunded: an amount, or units of lines, not both.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RefundCreate {
    /// This amount.
    amount: Option<Money>,
    /// What was paid for these units.
    #[schemars(length(max = 200))]
    lines: Vec<LineQuantity>,
    /// In the merchant's words.
    #[schemars(length(max = 500))]
    reason: Option<String>,
}

/// What was begun, for a repeat of the request.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Receipt {
    id: RefundId,
    operation: OperationId,
}

pub(super) async fn refund(
    State(app): State<Orders>,
    caller: Caller<OrdersWrite>,
    Path(id): Path<OrderId>,
    Json(input): Json<RefundCreate>,
) -> Result<Reply<Refund, 201>, Fault> {
    caller.require_idempotency_key()?;
    let wish = input.wish()?;
    let mut tx = match app.db.begin::<bloom_web::Reply<Receipt, 201>>(&caller, "order_refund", &(id, &input)).await? {
        Begin::Run(tx) => tx,
        Begin::Replay(reply) => {
            let known = reply.replayed_as::<Receipt>().unwrap_or_else(|| Err(Fault::internal("a replay without its body")))?;
            return answer(&app, &caller, id, &known).await.map(Reply::repeated);
        }
    };
    let mut order = lock_order(&mut tx, id).await?;
    let refund = order.refund(app.host.id(caller.tenant), &wish, input.reason, app.host.now(caller.tenant))?.clone();
    let operation = new_operation(&app, &caller, &order, OperationKind::Refund);
    let operation = operation.with_amount(refund.amount).with_target(refund.id.uuid());
    let data = json!({ "refund_id": refund.id, "amount": refund.amount });
    save(&app, &caller, &mut tx, &mut order, Change::new("refund_asked").data(data)).await?;
    record(&app, &caller, &mut tx, std::slice::from_ref(&operation)).await?;
    let receipt = Receipt { id: refund.id, operation: operation.id };
    tx.finish(Reply::created(&receipt)).await?;
    run_all(&app, &caller, vec![operation]).await?;
    answer(&app, &caller, id, &receipt).await
}

impl RefundCreate {
    fn wish(&self) -> Result<RefundWish, Fault> {
        if self.reason.as_ref().is_some_and(|reason| 500 < reason.chars().count() || reason.contains('\0')) {
            return Err(Fault::invalid("/reason", "length", "Give at most 500 characters, none of them NUL."));
        }
        refuse_card_number("/reason", self.reason.as_deref().unwrap_or_default())?;
        match (self.amount, self.lines.as_slice()) {
            (Some(amount), []) => Ok(RefundWish::Amount(amount)),
            (None, [_, ..]) => Ok(RefundWish::Lines(self.lines.clone())),
            (None, []) => Err(Fault::invalid("/amount", "missing", "Give an amount, or lines.")),
            (Some(_), [_, ..]) => Err(Fault::invalid("/amount", "ambiguous", "Give an amount or lines, not both.")),
        }
    }
}

async fn answer(app: &Orders, call: &RequestContext, order: OrderId, receipt: &Receipt) -> Result<Reply<Refund, 201>, Fault> {
    let order = read_order(app, call, order).await?;
    let refund = order.refunds.into_iter().find(|refund| refund.id == receipt.id).ok_or_else(|| Fault::not_found("refund"))?;
    match refund.status {
        RefundState::Pending | RefundState::Succeeded => Ok(Reply::created(refund)),
        RefundState::Failed => Err(refusal(app, call, receipt).await?),
    }
}

/// Why a refund failed: the refusal of the service that refused it, or a general one when the payment provider did.
async fn refusal(app: &Orders, call: &RequestContext, receipt: &Receipt) -> Result<Fault, Fault> {
    let stored = operation_get(&mut *app.db.read(call.tenant).await?, receipt.operation).await?;
    let ours = stored.and_then(|operation| operation.failure).filter(|failure| failure.code != PAYMENT_REFUSED);
    let provider = || Fault::new(Code::Unprocessable, "refund_refused", "The payment provider refused the refund.");
    Ok(ours.map_or_else(provider, |failure| failure.fault()))
}
