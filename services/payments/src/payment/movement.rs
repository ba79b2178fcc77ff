//! `POST /v1/payments/{payment_id}/captures` and `…/refunds`: captures or refunds a payment, all or a part of it. Orders ask
//! for the same by gRPC.

use axum::extract::State;
use bloom_fault::{Code, Fault, refuse_card_number};
use bloom_kernel::{Money, OperationId, PaymentId};
use bloom_runtime::http::{Caller, Json, Path};
use bloom_runtime::{Call, Reply, idempotency};
use schemars::JsonSchema;
use serde::Deserialize;

use super::execute::{OperationResult, reserve_and_execute};
use super::model::Payment;
use super::refusal::Refusal;
use super::store::payment_lock;
use crate::Payments;
use crate::access::{PaymentsWrite, require_secret_key};
use crate::connection::ConnectionSelector;
use crate::operation::{Operation, OperationDto, OperationKind, Requester, derived_id, operation_get};

/// How much to move.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MovementCreate {
    /// In the payment's currency, above 0; all that is left when absent.
    amount: Option<Money>,
}

pub(super) async fn capture(
    State(app): State<Payments>,
    caller: Caller<PaymentsWrite>,
    Path(id): Path<PaymentId>,
    Json(input): Json<MovementCreate>,
) -> Result<Reply<OperationDto, 201>, Fault> {
    create(&app, &caller, id, OperationKind::Capture, input).await
}

pub(super) async fn refund(
    State(app): State<Payments>,
    caller: Caller<PaymentsWrite>,
    Path(id): Path<PaymentId>,
    Json(input): Json<MovementCreate>,
) -> Result<Reply<OperationDto, 201>, Fault> {
    create(&app, &caller, id, OperationKind::Refund, input).await
}

async fn create(
    app: &Payments,
    call: &Call,
    payment: PaymentId,
    kind: OperationKind,
    input: MovementCreate,
) -> Result<Reply<OperationDto, 201>, Fault> {
    let operation = operation_of_key(call, kind)?;
    let amount = input.amount.map_or(Amount::Left, Amount::Exact);
    let movement = Movement { operation, payment, kind, amount, requester: Requester::Merchant };
    Ok(operation_reply(&move_money(app, call, movement).await?))
}

/// The id of the operation that a request asks for: derived from the idempotency key, so that a retry finds the operation,
/// and the provider gets the same key.
pub(super) fn operation_of_key(call: &Call, kind: OperationKind) -> Result<OperationId, Fault> {
    require_secret_key(call)?;
    let key = call.require_idempotency_key()?;
    refuse_card_number("/idempotency-key", key)?;
    Ok(derived_id(kind.as_str(), &[call.tenant.uuid().as_bytes(), key.as_bytes()]))
}

/// The operation; a retry is marked as one.
pub(super) fn operation_reply(result: &OperationResult) -> Reply<OperationDto, 201> {
    let reply = Reply::created(OperationDto::new(&result.operation, result.payment.currency));
    if result.replayed { reply.repeated() } else { reply }
}

/// A capture or a refund.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Movement {
    pub operation: OperationId,
    pub payment: PaymentId,
    /// Capture or refund.
    pub kind: OperationKind,
    pub amount: Amount,
    pub requester: Requester,
}

/// The amount of a movement.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Amount {
    /// All that is left.
    Left,
    /// Minor units of the payment's currency.
    Minor(i64),
    /// An amount that must be in the payment's currency.
    Exact(Money),
}

/// The payment and the operation afterwards; for a retry under the same id, as they are now.
pub(crate) async fn move_money(app: &Payments, call: &Call, input: Movement) -> Result<OperationResult, Fault> {
    let now = app.host.now(call.tenant);
    let fingerprint = fingerprint(&input);
    let mut tx = app.db.write(call).await?;
    let payment = payment_lock(&mut tx, input.payment).await?.ok_or_else(|| Fault::not_found("payment"))?;
    payment.check_requester(input.requester)?;
    if let Some(known) = operation_get(&mut tx, input.operation).await? {
        return OperationResult::replay(payment, known, &fingerprint);
    }
    let connection = app.connections.get(&mut tx, call.tenant, ConnectionSelector::Id(payment.connection_id)).await?;
    app.providers.check_available(connection.id)?;
    let amount = amount(&payment, &input)?;
    let operation = Operation::new(input.operation, input.payment, input.kind, amount, fingerprint, &call.actor, now);
    let payment = payment.reserve(operation.kind, operation.amount, now)?;
    reserve_and_execute(app, call, tx, &connection, payment, operation).await
}

fn amount(payment: &Payment, input: &Movement) -> Result<i64, Fault> {
    match input.amount {
        Amount::Minor(amount) => Ok(amount),
        Amount::Exact(money) => {
            // The fault names both currencies.
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
        Amount::Left if input.kind == OperationKind::Capture => {
            not_zero(payment.left_to_capture(), "nothing_to_capture", "All of what was authorised has been captured or given up.")
        }
        Amount::Left => not_zero(payment.left_to_refund(), "nothing_to_refund", "All of what was captured has been refunded."),
    }
}

fn not_zero(left: i64, reason: &'static str, detail: &str) -> Result<i64, Fault> {
    if left == 0 { Err(Fault::new(Code::Conflict, reason, detail)) } else { Ok(left) }
}

fn fingerprint(input: &Movement) -> Vec<u8> {
    let amount = match input.amount {
        Amount::Left => None,
        Amount::Minor(amount) => Some(amount),
        Amount::Exact(money) => Some(money.amount()),
    };
    idempotency::fingerprint(input.kind.as_str(), &(input.payment, amount))
}
