//! A clock that advances only on request.

use std::sync::{Arc, Mutex, PoisonError};

use bloom_kernel::{Clock, TenantId, Timestamp};
use chrono::{DateTime, TimeDelta};

/// Stands at 2026-01-05 09:00 UTC, a Monday, until advanced. Clones share the time.
#[derive(Clone, Debug)]
pub struct FakeClock(Arc<Mutex<Timestamp>>);

impl Default for FakeClock {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(DateTime::from_timestamp(1_767_603_600, 0).unwrap_or_default())))
    }
}

impl FakeClock {
    /// Advances the clock.
    pub fn advance(&self, by: TimeDelta) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) += by;
    }

    /// The current time of the clock.
    pub fn time(&self) -> Timestamp {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for FakeClock {
    fn now(&self, _: TenantId) -> Timestamp {
        self.time()
    }
}
