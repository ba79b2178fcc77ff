//! Changes of a checkout that its buyer sees. Each raises the version and publishes an event.

use bloom_db::TenantTx;
use bloom_events::Publish as _;
use bloom_fault::Fault;
use sqlx::types::Json;

use super::model::CheckoutStatus;
use super::store::{CheckoutRecord, checkout_compensate};
use crate::failure::Failure;

/// Kind of the timer that resumes a checkout; its key is the checkout's id.
pub const TIMER: &str = "checkout";

/// Decides that a checkout fails, before anything is undone; false when it is completed or has failed already. The caller commits.
pub async fn compensate(tx: &mut TenantTx, checkout: &mut CheckoutRecord, failure: Failure) -> Result<bool, Fault> {
    let now = tx.now();
    let Some(compensating) = checkout_compensate(tx, checkout.id, &failure, now).await? else { return Ok(false) };
    // Another driver may have published a version, or replaced an expired hold.
    (checkout.version, checkout.hold_id) = (compensating.version, compensating.hold_id);
    (checkout.status, checkout.action) = (CheckoutStatus::Compensating, None);
    (checkout.failure, checkout.updated_at) = (Some(Json(failure)), now);
    tx.publish(&checkout.public());
    Ok(true)
}
