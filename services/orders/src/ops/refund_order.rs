//! Gives drawn money back.

use bloom_db::Begin;
use bloom_fault::{Code, Fault, refuse_card_number};
use bloom_kernel::{Money, OperationId, OrderId, RefundId};
use bloom_runtime::RequestContext;
use bloom_web::Reply;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::read_order::load;
use super::run_operation::{PAYMENT_REFUSED, operation, record, run_all};
use super::save_order::{Change, locked, save};
use crate::Orders;
use crate::domain::fulfilment::LineQuantity;
use crate::domain::operation::Kind;
use crate::domain::refund::{Refund, RefundState, Wanted};
use crate::store::operation::operation_get;

/// What is given back: an amount, or units of lines, not both.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RefundCreate {
    /// So much.
    pub amount: Option<Money>,
    /// What was paid for these units.
    #[schemars(length(max = 200))]
    pub lines: Vec<LineQuantity>,
    /// In the merchant's words.
    #[schemars(length(max = 500))]
    pub reason: Option<String>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Receipt {
    id: RefundId,
    /// What carries it out; absent in receipts of before it was told.
    operation: Option<OperationId>,
}

/// Gives back what was drawn for the order, in whole or in part.
pub async fn refund_order(
    app: &Orders,
    call: &RequestContext,
    id: OrderId,
    input: RefundCreate,
) -> Result<Reply<Refund, 201>, Fault> {
    call.require_idempotency_key()?;
    let wanted = input.wanted()?;
    let mut tx = match app.db.begin::<bloom_web::Reply<Receipt, 201>>(call, "order_refund", &(id, &input)).await? {
        Begin::Run(tx) => tx,
        Begin::Replay(reply) => {
            let known = reply.replayed_as::<Receipt>().unwrap_or_else(|| Err(Fault::internal("a replay without its body")))?;
            return answer(app, call, id, &known).await.map(Reply::repeated);
        }
    };
    let (mut order, _) = locked(&mut tx, id).await?;
    let refund = order.refund(app.host.id(call.tenant), &wanted, input.reason.clone(), app.host.now(call.tenant))?.clone();
    let refunding = operation(app, call, &order, Kind::Refund).of_amount(refund.amount).on_behalf_of(refund.id.uuid());
    let data = json!({ "refund_id": refund.id, "amount": refund.amount });
    save(app, call, &mut tx, &mut order, Change::new("refund_asked").data(data)).await?;
    record(app, call, &mut tx, std::slice::from_ref(&refunding)).await?;
    let receipt = Receipt { id: refund.id, operation: Some(refunding.id) };
    tx.finish(Reply::created(&receipt)).await?;
    run_all(app, call, vec![refunding]).await?;
    answer(app, call, id, &receipt).await
}

impl RefundCreate {
    fn wanted(&self) -> Result<Wanted, Fault> {
        if self.reason.as_ref().is_some_and(|reason| 500 < reason.chars().count() || reason.contains('\0')) {
            return Err(Fault::invalid("/reason", "length", "Give at most 500 characters, none of them NUL."));
        }
        refuse_card_number("/reason", self.reason.as_deref().unwrap_or_default())?;
        match (self.amount, self.lines.as_slice()) {
            (Some(amount), []) => Ok(Wanted::Amount(amount)),
            (None, [_, ..]) => Ok(Wanted::Lines(self.lines.clone())),
            (None, []) => Err(Fault::invalid("/amount", "missing", "Give an amount, or lines.")),
            (Some(_), [_, ..]) => Err(Fault::invalid("/amount", "ambiguous", "Give an amount or lines, not both.")),
        }
    }
}

async fn answer(app: &Orders, call: &RequestContext, order: OrderId, receipt: &Receipt) -> Result<Reply<Refund, 201>, Fault> {
    let order = load(app, call, order).await?;
    let refund = order.refunds.into_iter().find(|refund| refund.id == receipt.id).ok_or_else(|| Fault::not_found("refund"))?;
    match refund.status {
        RefundState::Pending | RefundState::Succeeded => Ok(Reply::created(refund)),
        RefundState::Failed => Err(refusal(app, call, receipt).await?),
    }
}

/// Why a refund failed: in the provider's name only when it was the provider who refused, else in the words of who did.
async fn refusal(app: &Orders, call: &RequestContext, receipt: &Receipt) -> Result<Fault, Fault> {
    let stored = match receipt.operation {
        Some(id) => operation_get(&mut *app.db.read(call.tenant).await?, id).await?,
        None => None,
    };
    let ours = stored.and_then(|operation| operation.failure).filter(|failure| failure.code != PAYMENT_REFUSED);
    let provider = || Fault::new(Code::Unprocessable, "refund_refused", "The payment provider refused the refund.");
    Ok(ours.map_or_else(provider, |failure| failure.fault()))
}
