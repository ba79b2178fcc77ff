//! When the provider is asked about an operation whose outcome is open.

use chrono::TimeDelta;

/// The waits between questions; after the last one an operator has to look.
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

/// An operation that the provider has never seen counts as lost after this: nothing sent is on its way that long.
pub const LOST_AFTER: TimeDelta = TimeDelta::seconds(30);

/// How long to wait before question `attempt` (from 0); `None` when there is none left.
pub fn wait(attempt: u32) -> Option<TimeDelta> {
    WAITS.get(usize::try_from(attempt).ok()?).copied()
}
