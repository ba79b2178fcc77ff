//! `POST /v1/payments/{payment_id}/captures` and `…/refunds`: captures or refunds a payment, all or a part of it. Orders ask
//! for the same by gRPC.

use axum::extract::State;
use bloom_fault::{Code, Fault, refuse_card_number};
use bloom_kernel::{Money, OperationId, PaymentId, ViolationCode};
use bloom_runtime::RequestContext;
use bloom_runtime::request_context::fingerprint as fingerprint_of;
use bloom_web::{Body, Caller, Created, Path, Reply};
use schemars::JsonSchema;
use serde::Deserialize;

use super::execute::{OperationResult, Recorded, available_connection, record};
use super::model::Payment;
use super::refusal::Refusal;
use super::store::payment_lock;
use crate::access::require_secret_key;
use crate::operation::{Operation, OperationBody, OperationKind, Requester, derived_id, operation_get};
use crate::{Payments, PaymentsWrite};

/// How much to move.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "PaymentMovementCreate")]
pub(super) struct MovementCreate {
    /// In the payment's currency, above 0; all that is left when absent.
    amount: Option<Money>,
}

pub(super) async fn capture(
    State(app): State<Payments>,
    caller: Caller<PaymentsWrite>,
    Path(id): Path<PaymentId>,
    Body(input): Body<MovementCreate>,
) -> Result<Created<OperationBody>, Fault> {
    create(&app, &caller, id, OperationKind::Capture, input).await
}

pub(super) async fn refund(
    State(app): State<Payments>,
    caller: Caller<PaymentsWrite>,
    Path(id): Path<PaymentId>,
    Body(input): Body<MovementCreate>,
) -> Result<Created<OperationBody>, Fault> {
    create(&app, &caller, id, OperationKind::Refund, input).await
}

async fn create(
    app: &Payments,
    context: &RequestContext,
    payment: PaymentId,
    kind: OperationKind,
    input: MovementCreate,
) -> Result<Created<OperationBody>, Fault> {
    let operation = operation_of_key(context, kind)?;
    let amount = input.amount.map_or(Amount::Left, Amount::Exact);
    let movement = Movement { operation, payment, kind, amount, requester: Requester::Merchant };
    Ok(operation_reply(&move_money(app, context, movement).await?))
}

/// The id of the requested operation. It is derived from the idempotency key, so that a retry finds the operation and the provider
/// gets the same key.
pub(super) fn operation_of_key(context: &RequestContext, kind: OperationKind) -> Result<OperationId, Fault> {
    require_secret_key(context)?;
    let key = context.require_idempotency_key()?;
    refuse_card_number("/idempotency-key", key)?;
    Ok(derived_id(kind.as_str(), &[context.tenant.uuid().as_bytes(), key.as_bytes()]))
}

/// The operation; a retry is marked as a replay.
pub(super) fn operation_reply(result: &OperationResult) -> Created<OperationBody> {
    let reply = Reply::new(OperationBody::new(&result.operation, result.payment.currency));
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
pub(crate) async fn move_money(app: &Payments, context: &RequestContext, input: Movement) -> Result<OperationResult, Fault> {
    let fingerprint = fingerprint(&input);
    let recorded = app
        .db
        .transaction(context, async |tx| {
            let payment = payment_lock(tx, input.payment).await?.ok_or_else(|| Fault::not_found("payment"))?;
            payment.check_requester(input.requester)?;
            if let Some(known) = operation_get(tx, input.operation).await? {
                return OperationResult::replay(payment, known, &fingerprint).map(Recorded::Done);
            }
            let connection = available_connection(app, tx, &payment).await?;
            let (amount, now) = (amount(&payment, &input)?, tx.now());
            let Movement { operation: id, kind, .. } = input;
            let operation = Operation::new(id, payment.id, kind, amount, fingerprint, tx.actor(), now);
            record(tx, connection, payment.reserve(kind, amount, now)?, operation).await
        })
        .await?;
    recorded.execute(app, context).await
}

fn amount(payment: &Payment, input: &Movement) -> Result<i64, Fault> {
    match input.amount {
        Amount::Minor(amount) => Ok(amount),
        Amount::Exact(money) => {
            // The fault names both currencies.
            Money::zero(payment.currency).checked_add(money).map_err(|error| {
                Fault::from(error).at(
                    "/amount/currency",
                    ViolationCode::Mismatch,
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
    fingerprint_of(input.kind.as_str(), &(input.payment, amount))
}
