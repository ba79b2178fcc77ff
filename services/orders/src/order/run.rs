//! Runs the operations of an order: calls the other service until its answer is final, then settles the operation and updates the
//! order.
//!
//! | kind | service | succeeded | refused |
//! |---|---|---|---|
//! | capture | payments | amounts of the order | nothing is captured |
//! | refund | payments | amounts, the refund succeeded | the refund failed and no longer counts |
//! | void | payments | amounts; an authorisation still pending is voided as soon as it is known | – |
//! | ship | inventory | what is shipped is captured, where the shop wants that | the fulfilment is open again, or canceled |
//! | release | inventory | – | – |

use bloom_fault::Fault;
use bloom_kernel::{OperationId, PaymentId};
use bloom_runtime::RequestContext;
use futures::future::join_all;

use super::model::OrderPayment;
use super::settle::settle;
use crate::clients::{Payment, is_transient, payment_capture, payment_refund, payment_void, stock_release_units, stock_ship};
use crate::detach::detached;
use crate::failure::Failure;
use crate::operation::{Operation, OperationKind, OperationStatus, operation_get, retry_later};
use crate::{NAME, Orders};

/// Reason of an operation that the payment provider refused; every other reason is that of a service.
pub const PAYMENT_REFUSED: &str = "payment_refused";

/// Runs operations at the same time, each once; those without a final answer are left to their timers. A client that disconnects does
/// not stop them.
pub async fn run_all(app: &Orders, context: &RequestContext, operations: Vec<Operation>) -> Result<Vec<Operation>, Fault> {
    let (app, context) = (app.clone(), context.clone());
    let work = async move { join_all(operations.into_iter().map(|operation| run(&app, &context, operation))).await };
    detached(work).await?.into_iter().collect()
}

/// The timer of an operation.
pub async fn resume_operation(app: &Orders, context: &RequestContext, id: OperationId, (): ()) -> Result<(), Fault> {
    let stored = operation_get(&mut *app.db.read(context.tenant).await?, id).await?;
    let Some(operation) = stored.filter(|operation| operation.status == OperationStatus::Running) else { return Ok(()) };
    let context =
        RequestContext { trace: context.trace.clone(), ..RequestContext::background(NAME, context.tenant, &operation.actor) };
    run(app, &context, operation).await.map(drop)
}

/// Runs an operation, and then a following one: a shipment is captured after inventory has accepted it, so that nothing is captured
/// for a refused shipment. Returns the operation as it is afterwards.
async fn run(app: &Orders, context: &RequestContext, operation: Operation) -> Result<Operation, Fault> {
    let (operation, next) = attempt(app, context, operation).await?;
    if let Some(next) = next {
        Box::pin(attempt(app, context, next)).await?;
    }
    Ok(operation)
}

/// The answer of the other service.
enum Answer {
    Done(Option<OrderPayment>),
    Refused(Failure, Option<OrderPayment>),
    Open,
}

/// Calls the service once. Settles a final answer; otherwise sets the timer. Returns the operation as it is afterwards, and the one
/// that follows from it.
async fn attempt(
    app: &Orders,
    context: &RequestContext,
    mut operation: Operation,
) -> Result<(Operation, Option<Operation>), Fault> {
    let answer = match request(app, context, &operation).await {
        Ok(answer) => answer,
        Err(fault) if is_transient(&fault) => {
            tracing::warn!(operation = %operation.id, cause = fault.chain(), "an operation is tried again later");
            Answer::Open
        }
        Err(fault) => Answer::Refused(Failure::of(&fault), None),
    };
    let next = match answer {
        Answer::Open => {
            retry_later(app, context, &operation).await?;
            None
        }
        Answer::Done(payment) => {
            operation.status = OperationStatus::Succeeded;
            settle(app, context, &operation, payment).await?
        }
        Answer::Refused(failure, payment) => {
            let (kind, reason) = (operation.kind.as_str(), &failure.code);
            tracing::warn!(operation = %operation.id, kind, reason, "an operation was refused");
            operation.status = OperationStatus::Failed;
            operation.failure = Some(failure);
            settle(app, context, &operation, payment).await?
        }
    };
    Ok((operation, next))
}

async fn request(app: &Orders, context: &RequestContext, operation: &Operation) -> Result<Answer, Fault> {
    let (id, order) = (operation.id, operation.order_id);
    let amount = operation.amount.unwrap_or_default();
    match operation.kind {
        OperationKind::Capture => Ok(answer_of(&payment_capture(app, context, id, payment_of(operation)?, amount).await?)),
        OperationKind::Refund => Ok(answer_of(&payment_refund(app, context, id, payment_of(operation)?, amount).await?)),
        // Payments has stored the void and carries it out as soon as it can.
        OperationKind::Void => {
            let payment = payment_void(app, context, id, payment_of(operation)?).await?;
            Ok(Answer::Done(Some(OrderPayment::from(&payment))))
        }
        OperationKind::Ship => stock_ship(app, context, id, order, &operation.units).await.map(|()| Answer::Done(None)),
        OperationKind::Release => {
            stock_release_units(app, context, id, order, &operation.units).await.map(|()| Answer::Done(None))
        }
    }
}

fn payment_of(operation: &Operation) -> Result<PaymentId, Fault> {
    operation.payment_id.ok_or_else(|| Fault::internal("an operation on the payment of an order that has none"))
}

fn answer_of(payment: &Payment) -> Answer {
    let amounts = OrderPayment::from(payment);
    match payment.operation_succeeded {
        Some(true) => Answer::Done(Some(amounts)),
        Some(false) => {
            let detail = "The payment provider refused it.".to_owned();
            let failure = Failure { status: 422, code: PAYMENT_REFUSED.to_owned(), detail, errors: Vec::new() };
            Answer::Refused(failure, Some(amounts))
        }
        None => Answer::Open,
    }
}
