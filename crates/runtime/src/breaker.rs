//! Circuit breaker: after several consecutive failures to reach a peer, requests fail at once, except for an occasional
//! one that tests whether the peer is back.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// Consecutive failures after which a peer counts as unreachable.
const FAILURES: u32 = 5;

/// The breaker of one peer. It uses no lock: one request more or fewer during a change does no harm.
pub struct Breaker {
    began: Instant,
    /// While the peer is unreachable, one request per this time is let through.
    pause: Duration,
    failures: AtomicU32,
    /// When the next request is let through, in milliseconds since `began`; used only while the peer is unreachable.
    next_ms: AtomicU64,
}

impl Breaker {
    /// Lets all requests through, until several in a row have failed.
    pub fn new(pause: Duration, now: Instant) -> Self {
        Self { began: now, pause, failures: AtomicU32::default(), next_ms: AtomicU64::default() }
    }

    /// True when a request may be sent to the peer.
    pub fn admits(&self, now: Instant) -> bool {
        if self.failures.load(Ordering::Relaxed) < FAILURES {
            return true;
        }
        let next = self.next_ms.load(Ordering::Relaxed);
        let wins =
            || self.next_ms.compare_exchange(next, self.ms(now + self.pause), Ordering::Relaxed, Ordering::Relaxed).is_ok();
        next <= self.ms(now) && wins()
    }

    /// Records whether the peer could be reached, whatever it answered.
    pub fn reached(&self, was: bool, now: Instant) {
        if was {
            if 0 < self.failures.load(Ordering::Relaxed) {
                self.failures.store(0, Ordering::Relaxed);
            }
            return;
        }
        self.next_ms.store(self.ms(now + self.pause), Ordering::Relaxed);
        // The count stops at the limit.
        let more = |count: u32| (count < FAILURES).then_some(count + 1);
        let _ = self.failures.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
    }

    fn ms(&self, at: Instant) -> u64 {
        u64::try_from(at.duration_since(self.began).as_millis()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAUSE: Duration = Duration::from_millis(500);

    #[test]
    fn an_occasional_request_tests_whether_the_peer_is_back() {
        let start = Instant::now();
        let breaker = Breaker::new(PAUSE, start);
        for _ in 0..FAILURES {
            assert!(breaker.admits(start), "too few failures to open the breaker");
            breaker.reached(false, start);
        }
        assert!(!breaker.admits(start), "it is away");
        let later = start + PAUSE;
        assert_eq!([breaker.admits(later), breaker.admits(later)], [true, false], "one request tests the peer for all");
        breaker.reached(false, later);
        assert!(!breaker.admits(later), "still away");
        let later = later + PAUSE;
        assert!(breaker.admits(later));
        breaker.reached(true, later);
        assert_eq!([breaker.admits(later), breaker.admits(later)], [true, true], "it is back");
    }

    #[test]
    fn only_consecutive_failures_count() {
        let start = Instant::now();
        let breaker = Breaker::new(PAUSE, start);
        for _ in 0..3 * FAILURES {
            breaker.reached(false, start);
            breaker.reached(true, start);
        }
        assert!(breaker.admits(start));
    }
}
