//! Time is injected: only [`SystemClock`] reads the machine's clock.

use std::time::SystemTime;

use chrono::{Datelike as _, SubsecRound};
use serde::{Deserialize as _, Deserializer, de::Error as _};

use crate::TenantId;

/// A moment in UTC.
pub type Timestamp = chrono::DateTime<chrono::Utc>;

/// Reads a moment that a caller may name: RFC 3339 knows the years 0000 to 9999, chrono and PostgreSQL know others, and not
/// the same ones. For `#[serde(deserialize_with)]`.
///
/// # Errors
///
/// What is no moment, or none of those years.
pub fn moment<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    let moment = Option::<Timestamp>::deserialize(deserializer)?;
    match moment {
        Some(moment) if !(1..=9999).contains(&moment.year()) => Err(D::Error::custom("is a time in the years 0001 to 9999")),
        moment => Ok(moment),
    }
}

/// The time of a tenant; a sandbox may have a different time from other tenants.
pub trait Clock: Send + Sync {
    /// The tenant's current time in microseconds, the precision of the database.
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
