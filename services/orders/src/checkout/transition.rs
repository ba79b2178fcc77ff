//! Changes of a checkout that buyers see: each raises the version and publishes an event.

use bloom_db::TenantTx;
use bloom_events::{Draft, publish};
use bloom_fault::Fault;
use bloom_runtime::RequestContext;

use super::model::CheckoutStatus;
use super::store::{CheckoutRecord, checkout_compensate};
use crate::Orders;
use crate::failure::Failure;

/// Kind of the timer that resumes a checkout; its key is the checkout's id.
pub(crate) const TIMER: &str = "checkout";

/// Decides that a checkout fails, before anything is undone; false when it is completed or has failed already. The caller commits.
pub(crate) async fn compensate(
    app: &Orders,
    call: &RequestContext,
    tx: &mut TenantTx,
    checkout: &mut CheckoutRecord,
    failure: Failure,
) -> Result<bool, Fault> {
    let now = app.host.now(call.tenant);
    let Some(compensating) = checkout_compensate(tx, checkout.id, &failure, now).await? else { return Ok(false) };
    // Another driver may have published a version, or replaced an expired hold.
    (checkout.version, checkout.hold_id) = (compensating.version, compensating.hold_id);
    (checkout.status, checkout.action) = (CheckoutStatus::Compensating, None);
    (checkout.failure, checkout.updated_at) = (Some(failure), now);
    publish_checkout(app, call, tx, checkout).await?;
    Ok(true)
}

/// Publishes a changed checkout.
pub(crate) async fn publish_checkout(
    app: &Orders,
    call: &RequestContext,
    tx: &mut TenantTx,
    checkout: &CheckoutRecord,
) -> Result<(), Fault> {
    let (aggregate, data) = (checkout.id.to_string(), checkout.public());
    let draft = Draft { kind: "checkout.updated", aggregate, version: data.version, data: &data, causation: None };
    publish(tx, &app.host, call, draft).await
}
