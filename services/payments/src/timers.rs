//! What payments do by themselves at a time: ask about open outcomes, carry out voids that waited.

use bloom_db::Writer;
use bloom_events::timer::{TimerHandler, cancel, schedule};
use bloom_fault::Fault;
use bloom_kernel::{OperationId, PaymentId, Timestamp};
use bloom_runtime::RequestContext;
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::Payments;
use crate::domain::schedule::wait;
use crate::ops::resolve_operation::resolve;
use crate::ops::void_payment::void_waiting;

const RESOLVE: &str = "payment.resolve";
const VOID: &str = "payment.void";

#[derive(Serialize, Deserialize)]
struct Question {
    attempt: u32,
}

/// Sets the time of question number `attempt` about an operation; false when there is none left.
pub(crate) async fn resolve_at(
    tx: &mut impl Writer,
    operation: OperationId,
    attempt: u32,
    now: Timestamp,
) -> Result<bool, Fault> {
    let Some(wait) = wait(attempt) else { return Ok(false) };
    schedule(tx, RESOLVE, &operation.to_string(), now + wait, &Question { attempt }).await?;
    Ok(true)
}

/// The outcome is known: no more questions.
pub(crate) async fn resolve_cancel(tx: &mut impl Writer, operation: OperationId) -> Result<(), Fault> {
    cancel(tx, RESOLVE, &operation.to_string()).await
}

/// The void that waits on a payment may be carried out.
pub(crate) async fn void_now(tx: &mut impl Writer, payment: PaymentId, now: Timestamp) -> Result<(), Fault> {
    schedule(tx, VOID, &payment.to_string(), now, &()).await
}

/// Asks about open outcomes.
pub(crate) struct Resolve(pub(crate) Payments);

impl TimerHandler for Resolve {
    fn kind(&self) -> &'static str {
        RESOLVE
    }

    fn fire<'a>(&'a self, call: &'a RequestContext, key: &'a str, payload: &'a RawValue) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(async move {
            let Question { attempt } = serde_json::from_str(payload.get()).map_err(Fault::internal)?;
            resolve(&self.0, call, key.parse().map_err(Fault::internal)?, attempt).await
        })
    }
}

/// Carries out voids that waited.
pub(crate) struct Void(pub(crate) Payments);

impl TimerHandler for Void {
    fn kind(&self) -> &'static str {
        VOID
    }

    fn fire<'a>(&'a self, call: &'a RequestContext, key: &'a str, _: &'a RawValue) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(async move { void_waiting(&self.0, call, key.parse().map_err(Fault::internal)?).await })
    }
}
