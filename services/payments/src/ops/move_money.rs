//! Captures and refunds.

use bloom_db::{TenantTx, idempotency};
use bloom_fault::{Code, Fault};
use bloom_kernel::{Money, OperationId, PaymentId};
use bloom_runtime::RequestContext;

use super::Standing;
use super::settle_operation::carry_out;
use crate::Payments;
use crate::connections::{Choice, Connection};
use crate::domain::{Operation, OperationKind, OperationStatus, Payment, Refusal};
use crate::provider::Request;
use crate::store::operation::operation_get;
use crate::store::payment::{payment_lock, payment_promise};
use crate::{events, timers};

/// What is to be moved.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MoveMoney {
    pub(crate) operation: OperationId,
    pub(crate) payment: PaymentId,
    /// Capture or refund.
    pub(crate) kind: OperationKind,
    pub(crate) amount: Amount,
}

/// How much of it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Amount {
    /// All that is left.
    Left,
    /// So many minor units of the payment's currency.
    Minor(i64),
    /// So much, which must be of the payment's currency.
    Exact(Money),
}

/// The payment and the operation as they stand afterwards; asked again under the same id, as they stand now.
pub(crate) async fn move_money(app: &Payments, call: &RequestContext, ask: MoveMoney) -> Result<Standing, Fault> {
    let now = app.host.now(call.tenant);
    let fingerprint = fingerprint(&ask);
    let mut tx = app.db.write(call).await?;
    let payment = payment_lock(&mut tx, ask.payment).await?.ok_or_else(|| Fault::not_found("payment"))?;
    if let Some(known) = operation_get(&mut tx, ask.operation).await? {
        return Standing::repeated(payment, known, &fingerprint);
    }
    let connection = app.connections.get(&mut tx, call.tenant, Choice::Of(payment.connection_id)).await?;
    app.providers.admit(connection.id)?;
    let operation = Operation {
        id: ask.operation,
        payment_id: ask.payment,
        kind: ask.kind,
        amount: amount(&payment, &ask)?,
        status: OperationStatus::Init,
        fingerprint,
        reverses: None,
        provider_reference: None,
        provider_sequence: 0,
        failure: None,
        actor: call.actor.clone(),
        created_at: now,
        updated_at: now,
    };
    let payment = payment.promise(operation.kind, operation.amount, now)?;
    promise_and_send(app, call, tx, &connection, &payment, &operation).await.map(Standing::fresh)
}

/// Records what was promised to the operation, commits, and has the provider do it.
pub(super) async fn promise_and_send(
    app: &Payments,
    call: &RequestContext,
    mut tx: TenantTx,
    connection: &Connection,
    payment: &Payment,
    operation: &Operation,
) -> Result<(Payment, Operation), Fault> {
    if !payment_promise(&mut tx, call.tenant, payment, operation).await? {
        return Err(idempotency::reused());
    }
    events::payment_updated(&mut tx, &app.host, call, payment).await?;
    timers::resolve_at(&mut tx, operation.id, 0, operation.updated_at).await?;
    tx.commit().await?;
    carry_out(app, call, connection, request(payment, operation), (payment.clone(), operation.clone())).await
}

/// The request that an operation on an authorised payment stands for.
pub(super) fn request<'a>(payment: &'a Payment, operation: &Operation) -> Request<'a> {
    Request {
        operation: operation.id,
        kind: operation.kind,
        amount: operation.amount,
        currency: payment.currency,
        token: None,
        authorisation: payment.provider_reference.as_deref(),
        return_url: None,
    }
}

fn amount(payment: &Payment, ask: &MoveMoney) -> Result<i64, Fault> {
    match ask.amount {
        Amount::Minor(amount) => Ok(amount),
        Amount::Exact(money) => {
            // Says which two currencies met.
            Money::zero(payment.currency).checked_add(money).map_err(|error| {
                Fault::from(error).at(
                    "/amount/currency",
                    "currency_mismatch",
                    format!("This payment is in {}.", payment.currency),
                )
            })?;
            Ok(money.amount())
        }
        Amount::Left if payment.authorised == 0 => Err(Refusal::NotAuthorised.into()),
        Amount::Left if ask.kind == OperationKind::Capture => {
            some(payment.left_to_capture(), "nothing_to_capture", "All of what was authorised has been captured or given up.")
        }
        Amount::Left => some(payment.left_to_refund(), "nothing_to_refund", "All of what was captured has been refunded."),
    }
}

fn some(left: i64, reason: &'static str, detail: &str) -> Result<i64, Fault> {
    if left == 0 { Err(Fault::new(Code::Conflict, reason, detail)) } else { Ok(left) }
}

fn fingerprint(ask: &MoveMoney) -> Vec<u8> {
    let amount = match ask.amount {
        Amount::Left => None,
        Amount::Minor(amount) => Some(amount),
        Amount::Exact(money) => Some(money.amount()),
    };
    bloom_runtime::request_context::fingerprint(ask.kind.as_str(), &(ask.payment, amount))
}
