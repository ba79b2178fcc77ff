//! Schedules the queries about an operation whose outcome is open, and the execution of a waiting void.

use bloom_db::Writer;
use bloom_events::Publish as _;
use bloom_kernel::{OperationId, Timestamp};
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

/// The timer that queries the provider about an operation; its key is the operation's id.
pub(crate) const RESOLVE: &str = "payment.resolve";
/// Timer that carries out the waiting void of a payment; its key is the payment's id.
pub(crate) const VOID: &str = "payment.void";

/// The waits between queries; after the last one an operator has to act.
const WAITS: [TimeDelta; 9] = [
    TimeDelta::seconds(5),
    TimeDelta::seconds(30),
    TimeDelta::minutes(5),
    TimeDelta::hours(1),
    TimeDelta::days(1),
    TimeDelta::days(1),
    TimeDelta::days(1),
    TimeDelta::days(1),
    TimeDelta::days(1),
];

/// After this time, an operation that the provider does not know counts as lost: no request takes this long to arrive.
pub(super) const LOST_AFTER: TimeDelta = TimeDelta::seconds(30);

/// The payload of [`RESOLVE`].
#[derive(Serialize, Deserialize)]
pub(crate) struct ResolveAttempt {
    /// From 0.
    pub attempt: u32,
}

/// The wait before query `attempt` (from 0); `None` when there is none left.
pub(super) fn wait(attempt: u32) -> Option<TimeDelta> {
    WAITS.get(usize::try_from(attempt).ok()?).copied()
}

/// Schedules query `attempt` about an operation; false when there is none left.
pub(crate) fn resolve_at(tx: &mut impl Writer, operation: OperationId, attempt: u32, now: Timestamp) -> bool {
    let Some(wait) = wait(attempt) else { return false };
    tx.schedule(RESOLVE, &operation.to_string(), now + wait, &ResolveAttempt { attempt });
    true
}
