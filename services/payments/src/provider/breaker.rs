//! A provider that does not answer is left alone for a while, per connection.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bloom_kernel::ConnectionId;
use tokio::time::Instant;

/// So many silences in a row open the breaker.
const SILENCES: u32 = 5;
/// While open, one request is let through each time this passes.
const PAUSE: Duration = Duration::from_secs(10);

/// Only connections in trouble have an entry.
#[derive(Default)]
pub(super) struct Breaker(Mutex<HashMap<ConnectionId, Trouble>>);

struct Trouble {
    silences: u32,
    next_try: Instant,
}

impl Breaker {
    /// Whether a request may be tried.
    pub(super) fn admits(&self, connection: ConnectionId) -> bool {
        let now = Instant::now();
        match self.lock().get_mut(&connection) {
            Some(trouble) if SILENCES <= trouble.silences && now < trouble.next_try => false,
            Some(trouble) => {
                // The one that goes ahead; the others wait for what it finds.
                trouble.next_try = now + PAUSE;
                true
            }
            None => true,
        }
    }

    /// It answered, whatever it said.
    pub(super) fn answered(&self, connection: ConnectionId) {
        self.lock().remove(&connection);
    }

    /// It did not.
    pub(super) fn silent(&self, connection: ConnectionId) {
        let next_try = Instant::now() + PAUSE;
        let mut troubles = self.lock();
        let trouble = troubles.entry(connection).or_insert(Trouble { silences: 0, next_try });
        trouble.silences += 1;
        trouble.next_try = next_try;
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ConnectionId, Trouble>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
