//! One call to another service that an order needs. It was committed before; it is asked for until the answer is final, and
//! then settled with what it means for the order.
//!
//! | kind | asked of | succeeded | refused |
//! |---|---|---|---|
//! | capture | payments | amounts of the order | nothing drawn |
//! | refund | payments | amounts, the refund succeeded | the refund failed and no longer counts |
//! | void | payments | amounts; a payment still open is given up as soon as it is known | – |
//! | ship | inventory | what it is worth is drawn, where the tenant wants that | the parcel is open again, or given up |
//! | release | inventory | – | – |

use bloom_db::TenantTx;
use bloom_events::{TimerHandler, cancel, schedule};
use bloom_fault::Fault;
use bloom_kernel::{FulfilmentId, Money, OperationId, OrderId, PaymentId, RefundId};
use bloom_runtime::RequestContext;
use chrono::TimeDelta;
use futures::future::{BoxFuture, join_all};
use serde_json::json;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::cancel_order::give_back_late;
use super::save_order::{Change, locked, save};
use crate::detach::detached;
use crate::domain::checkout::Failure;
use crate::domain::fulfilment::Units;
use crate::domain::operation::{Kind, Operation, OperationStatus};
use crate::domain::order::{Order, OrderPayment};
use crate::domain::setting::CaptureMode;
use crate::neighbours::{Payment, is_transient, payment_capture, payment_refund, payment_void, stock_give_back, stock_ship};
use crate::store::operation::{
    operation_get, operation_insert, operation_money_under_way, operation_settle, operation_shipping, operation_waited,
    operation_waiting,
};
use crate::store::setting::setting_get;
use crate::{NAME, Orders};

/// Kind of the timer of an operation; its key is the operation's id.
const TIMER: &str = "order_operation";

/// Why an operation failed that the payment provider refused; everything else is the word of a service.
pub const PAYMENT_REFUSED: &str = "payment_refused";

/// A new operation of an order.
pub fn operation(app: &Orders, call: &RequestContext, order: &Order, kind: Kind) -> Operation {
    Operation {
        id: app.host.id::<OperationId>(call.tenant),
        order_id: order.id,
        payment_id: order.payment.as_ref().map(|payment| payment.id),
        kind,
        status: OperationStatus::Running,
        amount: None,
        subject: None,
        units: Vec::new(),
        with_parcel: false,
        failure: None,
        actor: call.actor.clone(),
        attempts: 0,
        created_at: app.host.now(call.tenant),
    }
}

impl Operation {
    /// Of so much money.
    #[must_use]
    pub fn of_amount(mut self, amount: Money) -> Self {
        self.amount = Some(amount.amount());
        self
    }

    /// Of so many units.
    #[must_use]
    pub fn of_units(mut self, units: Vec<Units>) -> Self {
        self.units = units;
        self
    }

    /// Of a parcel that was packed for it.
    #[must_use]
    pub fn with_its_parcel(mut self) -> Self {
        self.with_parcel = true;
        self
    }

    /// For a refund or a parcel.
    #[must_use]
    pub fn on_behalf_of(mut self, subject: impl Into<Uuid>) -> Self {
        self.subject = Some(subject.into());
        self
    }
}

/// Records operations with the change that needs them; the caller commits and then runs them.
pub async fn record(app: &Orders, call: &RequestContext, tx: &mut TenantTx, operations: &[Operation]) -> Result<(), Fault> {
    if operations.is_empty() {
        return Ok(());
    }
    operation_insert(tx, call.tenant, operations).await?;
    let resume = app.host.now(call.tenant) + app.config.resume_after();
    for operation in operations {
        schedule(tx, TIMER, &operation.id.to_string(), resume, &()).await?;
    }
    Ok(())
}

/// The same for whoever cannot run them: the timer does, at once.
pub async fn record_due(app: &Orders, call: &RequestContext, tx: &mut TenantTx, operations: &[Operation]) -> Result<(), Fault> {
    record(app, call, tx, operations).await?;
    for operation in operations {
        schedule(tx, TIMER, &operation.id.to_string(), app.host.now(call.tenant), &()).await?;
    }
    Ok(())
}

/// Runs operations at the same time, each once; what is not final is left to the timer.
pub async fn run_all(app: &Orders, call: &RequestContext, operations: Vec<Operation>) -> Result<Vec<Operation>, Fault> {
    let (app, call) = (app.clone(), call.clone());
    // A caller who hangs up does not stop them half-way.
    let work = async move { join_all(operations.into_iter().map(|operation| run_operation(&app, &call, operation))).await };
    detached(work).await?.into_iter().collect()
}

/// The timer of operations that nobody works on.
pub struct OperationTimer(pub Orders);

impl TimerHandler for OperationTimer {
    fn kind(&self) -> &'static str {
        TIMER
    }

    fn fire<'a>(&'a self, call: &'a RequestContext, key: &'a str, _: &'a RawValue) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(async move {
            let Ok(id) = key.parse::<OperationId>() else { return Ok(()) };
            let stored = operation_get(&mut *self.0.db.read(call.tenant).await?, id).await?;
            let Some(operation) = stored.filter(|operation| operation.status == OperationStatus::Running) else {
                return Ok(());
            };
            let call =
                RequestContext { trace: call.trace.clone(), ..RequestContext::background(NAME, call.tenant, &operation.actor) };
            run_operation(&self.0, &call, operation).await.map(drop)
        })
    }
}

/// What the other service says.
enum Answer {
    Done(Option<OrderPayment>),
    Refused(Failure, Option<OrderPayment>),
    Open,
}

/// Runs an operation, and what follows from it: after a shipment the capture that it has earned, one after the other, so that
/// nothing is drawn for what stock refuses. Answers the operation as it stands afterwards.
pub async fn run_operation(app: &Orders, call: &RequestContext, operation: Operation) -> Result<Operation, Fault> {
    let (operation, next) = attempt(app, call, operation).await?;
    if let Some(next) = next {
        Box::pin(attempt(app, call, next)).await?;
    }
    Ok(operation)
}

/// Asks once; settles what is final, and sets the timer for what is not. Answers the operation as it stands afterwards, and
/// the one that follows from it.
async fn attempt(app: &Orders, call: &RequestContext, mut operation: Operation) -> Result<(Operation, Option<Operation>), Fault> {
    let answer = match ask(app, call, &operation).await {
        Ok(answer) => answer,
        Err(fault) if is_transient(&fault) => {
            tracing::warn!(operation = %operation.id, cause = fault.chain(), "an operation is asked for again later");
            Answer::Open
        }
        Err(fault) => Answer::Refused(Failure::of(&fault), None),
    };
    let next = match answer {
        Answer::Open => {
            wait(app, call, &operation).await?;
            None
        }
        Answer::Done(payment) => {
            operation.status = OperationStatus::Succeeded;
            settle(app, call, &operation, payment).await?
        }
        Answer::Refused(failure, payment) => {
            tracing::warn!(operation = %operation.id, kind = operation.kind.as_str(), reason = failure.code, "an operation was refused");
            operation.status = OperationStatus::Failed;
            operation.failure = Some(failure);
            settle(app, call, &operation, payment).await?
        }
    };
    Ok((operation, next))
}

async fn ask(app: &Orders, call: &RequestContext, operation: &Operation) -> Result<Answer, Fault> {
    let (id, order) = (operation.id, operation.order_id);
    let amount = operation.amount.unwrap_or_default();
    match operation.kind {
        Kind::Capture => Ok(final_of(payment_capture(app, call, id, payment_of(operation)?, amount).await?)),
        Kind::Refund => Ok(final_of(payment_refund(app, call, id, payment_of(operation)?, amount).await?)),
        // Payments remember it and carry it out as soon as they can.
        Kind::Void => Ok(Answer::Done(Some(payment_void(app, call, id, payment_of(operation)?).await?.amounts))),
        Kind::Ship => stock_ship(app, call, id, order, &operation.units).await.map(|()| Answer::Done(None)),
        Kind::Release => stock_give_back(app, call, id, order, &operation.units).await.map(|()| Answer::Done(None)),
    }
}

fn payment_of(operation: &Operation) -> Result<PaymentId, Fault> {
    operation.payment_id.ok_or_else(|| Fault::internal("an operation on a payment of an order that has none"))
}

fn final_of(payment: Payment) -> Answer {
    match payment.operation {
        Some(true) => Answer::Done(Some(payment.amounts)),
        Some(false) => {
            let detail = "The payment provider refused it.".to_owned();
            let failure = Failure { status: 422, code: PAYMENT_REFUSED.to_owned(), detail, errors: Vec::new() };
            Answer::Refused(failure, Some(payment.amounts))
        }
        None => Answer::Open,
    }
}

/// Commits the outcome with what it means for the order; a second answer finds it settled. Answers the operation that is
/// committed with it and has to be run now: the capture that a shipment has earned, or the refund of what was drawn while the
/// order was called off.
async fn settle(
    app: &Orders,
    call: &RequestContext,
    operation: &Operation,
    payment: Option<OrderPayment>,
) -> Result<Option<Operation>, Fault> {
    let now = app.host.now(call.tenant);
    let mut tx = app.db.write(call).await?;
    let (mut order, _) = locked(&mut tx, operation.order_id).await?;
    if !operation_settle(&mut tx, operation.id, operation.failure.as_ref(), now).await? {
        return Ok(None);
    }
    // The payment's own news may have come first.
    let news = payment.and_then(|payment| order.apply_payment(&payment));
    let mut changed = news.is_some();
    let succeeded = operation.status == OperationStatus::Succeeded;
    if let (Kind::Refund, Some(refund)) = (operation.kind, operation.subject) {
        order.settle_refund(RefundId::from_uuid(refund), succeeded)?;
        changed = true;
    }
    // A refund of more than was left is asked for anew; what the provider refuses is not.
    let too_much = operation.kind == Kind::Refund && !succeeded && Some(order.refundable()) < operation.amount;
    let owed = if news.is_some() || too_much { give_back_late(app, call, &mut order) } else { None };
    changed |= owed.is_some();
    if let (Kind::Ship, Some(parcel), false) = (operation.kind, operation.subject, succeeded) {
        order.unship(FulfilmentId::from_uuid(parcel), operation.with_parcel, now)?;
        changed = true;
    }
    if changed {
        let word = match (operation.kind, succeeded) {
            (Kind::Capture, true) => "captured",
            (Kind::Capture, false) => "capture_failed",
            (Kind::Refund, true) => "refunded",
            (Kind::Refund, false) => "refund_failed",
            // It may have found nothing to give up, and money drawn instead.
            (Kind::Void, _) => news.map_or("voided", |(word, _)| word),
            (Kind::Ship, true) => "shipped",
            (Kind::Ship, false) => "shipment_refused",
            (Kind::Release, _) => "stock_released",
        };
        let amount = operation.amount.map(|amount| Money::new(amount, order.currency)).or(news.map(|(_, amount)| amount));
        let mut data = json!({ "operation_id": operation.id, "amount": amount });
        if let (Kind::Refund, Some(refund)) = (operation.kind, operation.subject) {
            data["refund_id"] = json!(RefundId::from_uuid(refund));
        }
        save(app, call, &mut tx, &mut order, Change::new(word).data(data)).await?;
    }
    let earned = match (operation.kind, succeeded) {
        (Kind::Ship, true) => capture_earned(app, call, &mut tx, &order).await?,
        (Kind::Ship, false) | (Kind::Capture | Kind::Refund | Kind::Void | Kind::Release, _) => None,
    };
    let next = earned.or(owed);
    record(app, call, &mut tx, next.as_slice()).await?;
    cancel(&mut tx, TIMER, &operation.id.to_string()).await?;
    tx.commit().await?;
    Ok(next)
}

/// Where the tenant wants to draw what is shipped: the worth of all that has left, less what is drawn. A parcel that stock
/// has not answered for is not counted, as it may come back.
async fn capture_earned(
    app: &Orders,
    call: &RequestContext,
    tx: &mut TenantTx,
    order: &Order,
) -> Result<Option<Operation>, Fault> {
    let Some(payment) = &order.payment else { return Ok(None) };
    match setting_get(tx).await?.capture {
        CaptureMode::OnFulfilment => {}
        CaptureMode::Manual => return Ok(None),
    }
    let undecided = operation_shipping(tx, order.id).await?;
    let (running, _) = operation_money_under_way(tx, order.id).await?;
    let drawn = payment.captured.amount() + running;
    let left = payment.authorised.amount() - payment.voided.amount() - drawn;
    let due = (order.worth_of_shipped(&undecided).amount() - drawn).min(left);
    if due <= 0 {
        return Ok(None);
    }
    Ok(Some(operation(app, call, order, Kind::Capture).of_amount(Money::new(due, order.currency))))
}

/// News of the order's payment: operations that wait for an answer ask for it now.
pub async fn wake_operations(app: &Orders, tx: &mut TenantTx, order: OrderId) -> Result<(), Fault> {
    let now = app.host.now(tx.tenant());
    for id in operation_waiting(tx, order).await? {
        schedule(tx, TIMER, &id.to_string(), now, &()).await?;
    }
    Ok(())
}

/// Asks again later: after two seconds, doubling, at most every ten minutes.
async fn wait(app: &Orders, call: &RequestContext, operation: &Operation) -> Result<(), Fault> {
    let now = app.host.now(call.tenant);
    let pause = TimeDelta::seconds(2 << operation.attempts.clamp(0, 9)).min(TimeDelta::minutes(10));
    let mut tx = app.db.write(call).await?;
    operation_waited(&mut tx, operation.id, now).await?;
    schedule(&mut tx, TIMER, &operation.id.to_string(), now + pause, &()).await?;
    tx.commit().await
}
