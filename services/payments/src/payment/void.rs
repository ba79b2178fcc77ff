//! `POST /v1/payments/{payment_id}/voids`: gives up what is authorised and not captured, at once or as soon as the outcomes
//! before it are known. Orders ask for the same by gRPC.

use axum::extract::State;
use bloom_db::idempotency;
use bloom_events::Publish as _;
use bloom_fault::{Code, Fault};
use bloom_kernel::{OperationId, PaymentId};
use bloom_runtime::RequestContext;
use bloom_web::{Body, Caller, Created, Path};
use schemars::JsonSchema;
use serde::Deserialize;

use super::body::PaymentBody;
use super::execute::{OperationResult, Recorded, available_connection, record};
use super::movement::{operation_of_key, operation_reply};
use super::refusal::Refusal;
use super::store::{payment_lock, payment_reserve, payment_settle};
use crate::operation::{
    Failure, FailureCode, Operation, OperationBody, OperationKind, OperationStatus, Requester, derived_id, operation_get,
    operation_insert, void_fingerprint,
};
use crate::{Payments, PaymentsWrite};

/// An empty object: a void gives up all that is left.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "PaymentVoidCreate", extend("additionalProperties" = false))]
pub(super) struct VoidCreate {}

pub(super) async fn create(
    State(app): State<Payments>,
    caller: Caller<PaymentsWrite>,
    Path(id): Path<PaymentId>,
    Body(VoidCreate {}): Body<VoidCreate>,
) -> Result<Created<OperationBody>, Fault> {
    let operation = operation_of_key(&caller, OperationKind::Void)?;
    Ok(operation_reply(&void(&app, &caller, operation, id, Requester::Merchant).await?))
}

/// Voids a payment that may not have been opened yet. An unopened payment is blocked for good and answered as not found.
pub(crate) async fn void_or_block(
    app: &Payments,
    context: &RequestContext,
    id: OperationId,
    payment: PaymentId,
) -> Result<OperationResult, Fault> {
    match void(app, context, id, payment, Requester::Service).await {
        Err(fault) if fault.code == Code::NotFound => {
            if block(app, context, payment).await? {
                return Err(fault);
            }
            // It was opened in the meantime, or blocked before.
            void(app, context, id, payment, Requester::Service).await
        }
        result => result,
    }
}

/// Stores a failed authorisation in place of the payment's own; false when the payment has one already.
async fn block(app: &Payments, context: &RequestContext, payment: PaymentId) -> Result<bool, Fault> {
    let id = derived_id("block of a payment", &[payment.uuid().as_bytes()]);
    let (kind, now) = (OperationKind::Authorise, app.context.now(context.tenant));
    let authorise = Operation::new(id, payment, kind, 0, void_fingerprint(payment), &context.actor, now);
    let authorise = Operation { status: OperationStatus::Failed, ..authorise };
    app.db.transaction(context, async |tx| Ok(operation_insert(tx, &authorise).await?)).await
}

/// The payment and the void afterwards; for a retry under the same id, as they are now. When nothing is left to void, a merchant
/// is refused, but a service that compensates gets a success.
async fn void(
    app: &Payments,
    context: &RequestContext,
    id: OperationId,
    payment: PaymentId,
    requester: Requester,
) -> Result<OperationResult, Fault> {
    let recorded = app.db.transaction(context, async |tx| {
        let now = tx.now();
        let mut payment = payment_lock(tx, payment).await?.ok_or_else(|| Fault::not_found("payment"))?;
        payment.check_requester(requester)?;
        if let Some(known) = operation_get(tx, id).await? {
            let fingerprint = void_fingerprint(payment.id);
            return OperationResult::replay(payment, known, &fingerprint).map(Recorded::Done);
        }
        if payment.is_voiding() {
            return Err(Refusal::Voiding.into());
        }
        let mut void = Operation::waiting_void(id, payment.id, tx.actor(), now);
        void.amount = payment.left_to_capture();
        if payment.has_open_outcome() {
            void.amount = 0;
            payment.waiting_void = Some(id);
            payment = payment.next_version(now);
            tx.publish(&PaymentBody::from(&payment));
        } else if void.amount == 0 {
            if requester == Requester::Merchant {
                let detail = "Nothing is authorised and uncaptured on this payment.";
                return Err(Fault::new(Code::Conflict, "nothing_to_void", detail));
            }
            fail_as_empty(&mut void);
        } else {
            let connection = available_connection(app, tx, &payment).await?;
            void.status = OperationStatus::Init;
            return record(tx, connection, payment.reserve(OperationKind::Void, void.amount, now)?, void).await;
        }
        if !payment_reserve(tx, &payment, &void).await? {
            return Err(idempotency::reused());
        }
        Ok(Recorded::Done(OperationResult::first(payment, void)))
    });
    recorded.await?.execute(app, context).await
}

/// The timer of a waiting void: carries it out once no earlier outcome is open.
pub(crate) async fn void_waiting(app: &Payments, context: &RequestContext, payment: PaymentId, (): ()) -> Result<(), Fault> {
    let recorded = app.db.transaction(context, async |tx| {
        let now = tx.now();
        let Some(mut payment) = payment_lock(tx, payment).await? else { return Ok(None) };
        let Some(id) = payment.waiting_void.filter(|_| !payment.has_open_outcome()) else { return Ok(None) };
        let mut void = operation_get(tx, id).await?.ok_or_else(|| Fault::internal("a waiting void is not recorded"))?;
        void.updated_at = now;
        void.amount = payment.left_to_capture();
        payment.waiting_void = None;
        if void.amount == 0 {
            fail_as_empty(&mut void);
            let (expected_version, payment) = (payment.version, payment.next_version(now));
            let mut write = tx.step();
            write.publish(&PaymentBody::from(&payment));
            payment_settle(write, expected_version, &payment, &void, None).await?;
            return Ok(None);
        }
        let connection = available_connection(app, tx, &payment).await?;
        void.status = OperationStatus::Init;
        let payment = payment.reserve(OperationKind::Void, void.amount, now)?;
        record(tx, connection, payment, void).await.map(Some)
    });
    match recorded.await? {
        Some(recorded) => recorded.execute(app, context).await.map(drop),
        None => Ok(()),
    }
}

/// A void that released nothing has failed; as a success it would look as if the payment had been voided.
fn fail_as_empty(void: &mut Operation) {
    void.status = OperationStatus::Failed;
    void.failure = Some(Failure::new(FailureCode::NothingToVoid, "Nothing was authorised and uncaptured any more."));
}
