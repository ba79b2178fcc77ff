//! Time is passed in: nothing but [`SystemClock`] asks the machine.

use std::time::SystemTime;

use chrono::SubsecRound;

use crate::TenantId;

/// A moment in UTC.
pub type Timestamp = chrono::DateTime<chrono::Utc>;

/// Tells the time of a tenant; a sandbox may live at another time than its neighbours.
pub trait Clock: Send + Sync {
    /// The tenant's present moment in microseconds, which is what the database stores.
    fn now(&self, tenant: TenantId) -> Timestamp;
}

/// The clock of the machine, the same for all tenants.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the place that the others are sent to")]
    fn now(&self, _: TenantId) -> Timestamp {
        Timestamp::from(SystemTime::now()).trunc_subsecs(6)
    }
}
