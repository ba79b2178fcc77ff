//! `POST /v1/payments/{payment_id}/voids`: gives up what is authorised and not captured, at once or as soon as the outcomes
//! before it are known. Orders ask for the same by gRPC.

use axum::extract::State;
use bloom_fault::{Code, Fault};
use bloom_kernel::{OperationId, PaymentId};
use bloom_runtime::http::{Caller, Json, Path};
use bloom_runtime::{Call, Reply, idempotency};
use schemars::JsonSchema;
use serde::Deserialize;

use super::execute::{OperationResult, reserve_and_execute};
use super::movement::{operation_of_key, operation_reply};
use super::publish::publish_payment;
use super::refusal::Refusal;
use super::store::{payment_lock, payment_reserve, payment_settle};
use crate::Payments;
use crate::access::PaymentsWrite;
use crate::connection::ConnectionSelector;
use crate::operation::{
    Failure, FailureCode, Operation, OperationDto, OperationKind, OperationStatus, Requester, derived_id, operation_get,
    operation_insert, void_fingerprint,
};

/// An empty object: a void gives up all that is left.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct VoidCreate {}

pub(super) async fn create(
    State(app): State<Payments>,
    caller: Caller<PaymentsWrite>,
    Path(id): Path<PaymentId>,
    Json(VoidCreate {}): Json<VoidCreate>,
) -> Result<Reply<OperationDto, 201>, Fault> {
    let operation = operation_of_key(&caller, OperationKind::Void)?;
    Ok(operation_reply(&void(&app, &caller, operation, id, Requester::Merchant).await?))
}

/// Voids a payment that may not have been opened yet. One that has not is blocked, and not found: it can never be opened.
pub(crate) async fn void_or_block(
    app: &Payments,
    call: &Call,
    id: OperationId,
    payment: PaymentId,
) -> Result<OperationResult, Fault> {
    match void(app, call, id, payment, Requester::Service).await {
        Err(fault) if fault.code == Code::NotFound => {
            if block(app, call, payment).await? {
                return Err(fault);
            }
            // It was opened in the meantime, or blocked before.
            void(app, call, id, payment, Requester::Service).await
        }
        result => result,
    }
}

/// A failed authorisation takes the place of the payment's; false when the place was taken before.
async fn block(app: &Payments, call: &Call, payment: PaymentId) -> Result<bool, Fault> {
    let id = derived_id("block of a payment", &[payment.uuid().as_bytes()]);
    let (kind, now) = (OperationKind::Authorise, app.host.now(call.tenant));
    let authorise = Operation::new(id, payment, kind, 0, void_fingerprint(payment), &call.actor, now);
    let authorise = Operation { status: OperationStatus::Failed, ..authorise };
    let mut tx = app.db.write(call).await?;
    let blocked = operation_insert(&mut tx, call.tenant, &authorise).await?;
    tx.commit().await?;
    Ok(blocked)
}

/// The payment and the void afterwards; for a retry under the same id, as they are now. A merchant is refused where nothing is
/// left to void; a service compensates, and wants nothing to be left.
async fn void(
    app: &Payments,
    call: &Call,
    id: OperationId,
    payment: PaymentId,
    requester: Requester,
) -> Result<OperationResult, Fault> {
    let now = app.host.now(call.tenant);
    let mut tx = app.db.write(call).await?;
    let mut payment = payment_lock(&mut tx, payment).await?.ok_or_else(|| Fault::not_found("payment"))?;
    payment.check_requester(requester)?;
    if let Some(known) = operation_get(&mut tx, id).await? {
        let fingerprint = void_fingerprint(payment.id);
        return OperationResult::replay(payment, known, &fingerprint);
    }
    if payment.is_voiding() {
        return Err(Refusal::Voiding.into());
    }
    let mut void = Operation::waiting_void(id, payment.id, &call.actor, now);
    if payment.has_open_outcome() {
        payment.waiting_void = Some(id);
        let payment = payment.next_version(now);
        if !payment_reserve(&mut tx, call.tenant, &payment, &void).await? {
            return Err(idempotency::reused());
        }
        publish_payment(&mut tx, &app.host, call, &payment).await?;
        tx.commit().await?;
        return Ok(OperationResult::first(payment, void));
    }
    void.amount = payment.left_to_capture();
    if void.amount == 0 {
        if requester == Requester::Merchant {
            return Err(Fault::new(Code::Conflict, "nothing_to_void", "Nothing is authorised and uncaptured on this payment."));
        }
        fail_as_empty(&mut void);
        if !payment_reserve(&mut tx, call.tenant, &payment, &void).await? {
            return Err(idempotency::reused());
        }
        tx.commit().await?;
        return Ok(OperationResult::first(payment, void));
    }
    let selector = ConnectionSelector::Id(payment.connection_id);
    let connection = app.connections.get(&mut tx, call.tenant, selector).await?;
    app.providers.check_available(connection.id)?;
    void.status = OperationStatus::Init;
    let payment = payment.reserve(OperationKind::Void, void.amount, now)?;
    reserve_and_execute(app, call, tx, &connection, payment, void).await
}

/// Carries out the waiting void of a payment, if there is one and no outcome before it is open.
pub(crate) async fn void_waiting(app: &Payments, call: &Call, payment: PaymentId) -> Result<(), Fault> {
    let now = app.host.now(call.tenant);
    let mut tx = app.db.write(call).await?;
    let Some(mut payment) = payment_lock(&mut tx, payment).await? else { return Ok(()) };
    let Some(id) = payment.waiting_void.filter(|_| !payment.has_open_outcome()) else { return Ok(()) };
    let mut void = operation_get(&mut tx, id).await?.ok_or_else(|| Fault::internal("a waiting void is not recorded"))?;
    void.updated_at = now;
    void.amount = payment.left_to_capture();
    if void.amount == 0 {
        payment.waiting_void = None;
        fail_as_empty(&mut void);
        let (expected_version, payment) = (payment.version, payment.next_version(now));
        let mut write = tx.last();
        publish_payment(&mut write, &app.host, call, &payment).await?;
        payment_settle(write, expected_version, &payment, &void, None).await?;
        return Ok(());
    }
    let selector = ConnectionSelector::Id(payment.connection_id);
    let connection = app.connections.get(&mut tx, call.tenant, selector).await?;
    app.providers.check_available(connection.id)?;
    payment.waiting_void = None;
    void.status = OperationStatus::Init;
    let payment = payment.reserve(OperationKind::Void, void.amount, now)?;
    reserve_and_execute(app, call, tx, &connection, payment, void).await.map(drop)
}

/// A void that gave up nothing has failed: as a success of nothing it would read as if the payment had been voided.
fn fail_as_empty(void: &mut Operation) {
    void.status = OperationStatus::Failed;
    void.failure = Some(Failure::new(FailureCode::NothingToVoid, "Nothing was authorised and uncaptured any more."));
}
