//! Carries out the plan of an object after its creation.

use bloom_db::TenantTx;
use bloom_events::Publish as _;
use bloom_fault::Fault;
use bloom_runtime::RequestContext;
use serde_json::Value;
use uuid::Uuid;

use super::model::Plan;
use crate::Sandbox;
use crate::notice::{deliver_now, notify};
use crate::object::{ObjectId, Status};

/// Timer that settles a pending object.
pub(crate) const SETTLE: &str = "sandbox.settle";
/// The timer that ends an authorisation whose payer has not acted.
pub(crate) const EXPIRE: &str = "sandbox.expire";

/// Stores the notices of a plan and schedules its timers. Returns the ids of the notices.
pub(crate) async fn play(
    tx: &mut TenantTx,
    plan: &Plan,
    object: ObjectId,
    show: impl Fn((Status, i64)) -> Value,
) -> Result<Vec<Uuid>, Fault> {
    let now = tx.now();
    let mut notices = Vec::new();
    for planned in &plan.notices {
        let body = show((planned.status, planned.sequence));
        notices.push(notify(tx, &body, planned.copies, now + planned.after).await?);
    }
    if let Some(after) = plan.settles_after {
        tx.schedule(SETTLE, &object.to_string(), now + after, &());
    }
    if let Some(after) = plan.expires_after {
        tx.schedule(EXPIRE, &object.to_string(), now + after, &());
    }
    Ok(notices)
}

/// Carries out the part of the plan between the commit and the reply.
pub(crate) async fn play_before_reply(app: &Sandbox, context: &RequestContext, plan: &Plan, notices: &[Uuid]) {
    if plan.notices_first {
        for notice in notices {
            deliver_now(app, context, *notice).await;
        }
    }
    if plan.stalls {
        tokio::time::sleep(app.stall).await;
    }
}

/// The payer has answered: the authorisation does not expire.
pub(crate) fn unschedule_expiry(tx: &mut TenantTx, authorisation: ObjectId) {
    tx.unschedule(EXPIRE, &authorisation.to_string());
}
