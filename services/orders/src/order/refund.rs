//! `POST /v1/orders/{order_id}/refunds`: refunds captured money, for units or for an amount.

use axum::extract::State;
use bloom_db::Answer;
use bloom_fault::{Code, Fault, ViolationCode, refuse_card_number};
use bloom_kernel::{Items, Money, OperationId, OrderId, RefundId};
use bloom_runtime::RequestContext;
use bloom_web::{Body, Caller, Created, Path, Reply};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::ending::new_operation;
use super::model::{LineQuantity, Reason, Refund, RefundState, RefundWish};
use super::read::read_order;
use super::run::{PAYMENT_REFUSED, run_all};
use super::save::{Change, lock_order, save};
use crate::operation::{OperationKind, operation_get, record};
use crate::{Orders, OrdersWrite};

/// What is refunded: an amount, or units of lines, not both.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RefundCreate {
    /// This amount.
    amount: Option<Money>,
    /// What was paid for these units.
    lines: Items<LineQuantity, 0, 200>,
    /// In the merchant's words.
    reason: Option<Reason>,
}

/// What was begun, for a repeat of the request.
#[derive(Serialize, Deserialize)]
struct Receipt {
    id: RefundId,
    operation: OperationId,
}

pub async fn refund(
    State(app): State<Orders>,
    caller: Caller<OrdersWrite>,
    Path(id): Path<OrderId>,
    Body(input): Body<RefundCreate>,
) -> Result<Created<Refund>, Fault> {
    caller.require_idempotency_key()?;
    let wish = input.wish()?;
    let mut begun = None;
    let done = app.db.idempotent(caller.operation("order_refund", &(id, &input)), async |tx| {
        let mut order = lock_order(tx, id).await?;
        let refund = order.refund(tx.new_id(), &wish, input.reason.map(String::from), tx.now())?.clone();
        let operation = new_operation(tx, &order, OperationKind::Refund);
        let operation = operation.with_amount(refund.amount).with_target(refund.id.uuid());
        let data = json!({ "refund_id": refund.id, "amount": refund.amount });
        save(tx, &mut order, Change::new("refund_asked").data(data)).await?;
        record(&app, tx, std::slice::from_ref(&operation)).await?;
        let receipt = Receipt { id: refund.id, operation: operation.id };
        begun = Some(operation);
        Ok(receipt)
    });
    let Answer(receipt) = done.await?;
    let is_replay = begun.is_none();
    run_all(&app, &caller, begun.into_iter().collect()).await?;
    let reply = Reply::created(outcome(&app, &caller, id, &receipt).await?);
    Ok(if is_replay { reply.repeated() } else { reply })
}

impl RefundCreate {
    fn wish(&self) -> Result<RefundWish, Fault> {
        refuse_card_number("/reason", self.reason.as_deref().unwrap_or_default())?;
        match (self.amount, &self.lines[..]) {
            (Some(amount), []) => Ok(RefundWish::Amount(amount)),
            (None, [_, ..]) => Ok(RefundWish::Lines(self.lines.to_vec())),
            (None, []) => Err(Fault::invalid("/amount", ViolationCode::Required, "Give an amount, or lines.")),
            (Some(_), [_, ..]) => Err(Fault::invalid("/amount", ViolationCode::Excluded, "Give an amount or lines, not both.")),
        }
    }
}

/// The refund as it is now, or why it failed.
async fn outcome(app: &Orders, context: &RequestContext, order: OrderId, receipt: &Receipt) -> Result<Refund, Fault> {
    let order = read_order(app, context, order).await?;
    let refund = order.refunds.into_iter().find(|refund| refund.id == receipt.id).ok_or_else(|| Fault::not_found("refund"))?;
    match refund.status {
        RefundState::Pending | RefundState::Succeeded => Ok(refund),
        RefundState::Failed => Err(refusal(app, context, receipt).await?),
    }
}

/// Why a refund failed: the refusal of the service that refused it, or a general one when the payment provider did.
async fn refusal(app: &Orders, context: &RequestContext, receipt: &Receipt) -> Result<Fault, Fault> {
    let stored = operation_get(&mut *app.db.read(context.tenant).await?, receipt.operation).await?;
    let ours = stored.and_then(|operation| operation.failure).filter(|failure| failure.code != PAYMENT_REFUSED);
    let provider = || Fault::new(Code::Unprocessable, "refund_refused", "The payment provider refused the refund.");
    Ok(ours.map_or_else(provider, |failure| failure.fault()))
}
