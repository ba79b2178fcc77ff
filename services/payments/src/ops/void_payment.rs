//! Gives up what is authorised and not captured: at once, or as soon as the outcome of what goes before is known.

use bloom_db::idempotency;
use bloom_fault::{Code, Fault};
use bloom_kernel::{OperationId, PaymentId};
use bloom_runtime::RequestContext;

use super::Standing;
use super::move_money::promise_and_send;
use crate::Payments;
use crate::connections::Choice;
use crate::domain::operation::derived_id;
use crate::domain::{Failure, FailureCode, Operation, OperationKind, OperationStatus, Payment, Refusal};
use crate::events;
use crate::store::operation::{operation_get, operation_insert, operation_settle};
use crate::store::payment::{payment_lock, payment_promise};

/// What a void that finds nothing to give up is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nothing {
    /// Done: whoever compensates wants nothing to be left, and nothing is.
    IsFine,
    /// Refused: a person expected something to be there.
    IsRefused,
}

/// Gives up a payment that may not have come yet. One that has not is barred, and not found: it will never come.
pub(crate) async fn void_or_bar(
    app: &Payments,
    call: &RequestContext,
    id: OperationId,
    payment: PaymentId,
) -> Result<Standing, Fault> {
    match void(app, call, id, payment, Nothing::IsFine).await {
        Err(fault) if fault.code == Code::NotFound => {
            if bar(app, call, payment).await? {
                return Err(fault);
            }
            // It came meanwhile, or was barred before.
            void(app, call, id, payment, Nothing::IsFine).await
        }
        outcome => outcome,
    }
}

/// The place of the payment's authorisation is taken by one that failed; false when the place was taken before.
async fn bar(app: &Payments, call: &RequestContext, payment: PaymentId) -> Result<bool, Fault> {
    let now = app.host.now(call.tenant);
    let authorise = Operation {
        id: derived_id("bar of a payment", &[payment.uuid().as_bytes()]),
        payment_id: payment,
        kind: OperationKind::Authorise,
        amount: 0,
        status: OperationStatus::Failed,
        fingerprint: fingerprint(payment),
        reverses: None,
        provider_reference: None,
        provider_sequence: 0,
        failure: None,
        actor: call.actor.clone(),
        created_at: now,
        updated_at: now,
    };
    let mut tx = app.db.write(call).await?;
    let barred = operation_insert(&mut tx, call.tenant, &authorise).await?;
    tx.commit().await?;
    Ok(barred)
}

/// The payment and the void as they stand afterwards; asked again under the same id, as they stand now.
pub(crate) async fn void(
    app: &Payments,
    call: &RequestContext,
    id: OperationId,
    payment: PaymentId,
    nothing: Nothing,
) -> Result<Standing, Fault> {
    let now = app.host.now(call.tenant);
    let fingerprint = fingerprint(payment);
    let mut tx = app.db.write(call).await?;
    let mut payment = payment_lock(&mut tx, payment).await?.ok_or_else(|| Fault::not_found("payment"))?;
    if let Some(known) = operation_get(&mut tx, id).await? {
        return Standing::repeated(payment, known, &fingerprint);
    }
    if payment.is_voiding() {
        return Err(Refusal::Voiding.into());
    }
    let mut void = waiting(id, &payment, &call.actor, fingerprint, now);
    if payment.is_busy() {
        payment.waiting_void = Some(id);
        let payment = payment.touched(now);
        if !payment_promise(&mut tx, call.tenant, &payment, &void).await? {
            return Err(idempotency::reused());
        }
        events::payment_updated(&mut tx, &app.host, call, &payment).await?;
        tx.commit().await?;
        return Ok(Standing::fresh((payment, void)));
    }
    void.amount = payment.left_to_capture();
    if void.amount == 0 {
        if nothing == Nothing::IsRefused {
            return Err(Fault::new(Code::Conflict, "nothing_to_void", "Nothing is authorised and uncaptured on this payment."));
        }
        found_nothing(&mut void);
        if !payment_promise(&mut tx, call.tenant, &payment, &void).await? {
            return Err(idempotency::reused());
        }
        tx.commit().await?;
        return Ok(Standing::fresh((payment, void)));
    }
    let connection = app.connections.get(&mut tx, call.tenant, Choice::Of(payment.connection_id)).await?;
    app.providers.admit(connection.id)?;
    void.status = OperationStatus::Init;
    let payment = payment.promise(OperationKind::Void, void.amount, now)?;
    promise_and_send(app, call, tx, &connection, &payment, &void).await.map(Standing::fresh)
}

/// Carries out the void that waits on a payment, if one does and nothing stands before it any more.
pub(crate) async fn void_waiting(app: &Payments, call: &RequestContext, payment: PaymentId) -> Result<(), Fault> {
    let now = app.host.now(call.tenant);
    let mut tx = app.db.write(call).await?;
    let Some(mut payment) = payment_lock(&mut tx, payment).await? else { return Ok(()) };
    let Some(id) = payment.waiting_void.filter(|_| !payment.is_busy()) else { return Ok(()) };
    let mut void = operation_get(&mut tx, id).await?.ok_or_else(|| Fault::internal("a waiting void is not recorded"))?;
    void.updated_at = now;
    void.amount = payment.left_to_capture();
    if void.amount == 0 {
        payment.waiting_void = None;
        found_nothing(&mut void);
        let (seen, payment) = (payment.version, payment.touched(now));
        let mut write = tx.last();
        events::payment_updated(&mut write, &app.host, call, &payment).await?;
        operation_settle(write, seen, &payment, &void, None).await?;
        return Ok(());
    }
    let connection = app.connections.get(&mut tx, call.tenant, Choice::Of(payment.connection_id)).await?;
    app.providers.admit(connection.id)?;
    payment.waiting_void = None;
    void.status = OperationStatus::Init;
    let payment = payment.promise(OperationKind::Void, void.amount, now)?;
    promise_and_send(app, call, tx, &connection, &payment, &void).await.map(drop)
}

/// A void that gave up nothing says so: as a success of nothing it would read as if the payment had been voided.
fn found_nothing(void: &mut Operation) {
    void.status = OperationStatus::Failed;
    void.failure = Some(Failure::new(FailureCode::NothingToVoid, "Nothing was authorised and uncaptured any more."));
}

/// A void that is not sent yet.
pub(super) fn waiting(
    id: OperationId,
    payment: &Payment,
    actor: &str,
    fingerprint: Vec<u8>,
    now: bloom_kernel::Timestamp,
) -> Operation {
    Operation {
        id,
        payment_id: payment.id,
        kind: OperationKind::Void,
        amount: 0,
        status: OperationStatus::Pending,
        fingerprint,
        reverses: None,
        provider_reference: None,
        provider_sequence: 0,
        failure: None,
        actor: actor.to_owned(),
        created_at: now,
        updated_at: now,
    }
}

pub(super) fn fingerprint(payment: PaymentId) -> Vec<u8> {
    bloom_runtime::request_context::fingerprint("void", &payment)
}
