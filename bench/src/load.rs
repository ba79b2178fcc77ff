//! Load generators: closed loop (the next request follows each response, to find the throughput) and open loop (a fixed
//! rate, to find response times).

use std::cell::Cell;
use std::future::Future;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use tokio::time::{Instant, sleep_until};

use crate::Outcome;

/// A repeated use of the platform.
pub(crate) trait Visitor {
    /// Runs once.
    fn turn(&mut self) -> impl Future<Output = Outcome>;
}

/// Results of a measurement.
#[derive(Default)]
pub(crate) struct Visits {
    pub(crate) done: u64,
    pub(crate) failed: u64,
    pub(crate) seconds: f64,
    /// Duration of each visit in microseconds, shortest first.
    pub(crate) micros: Vec<u32>,
    /// Error of the first failed visit.
    pub(crate) why: Option<String>,
}

impl Visits {
    #[expect(clippy::cast_precision_loss, reason = "counts of a run")]
    pub(crate) fn rate(&self) -> f64 {
        self.done as f64 / self.seconds
    }

    /// A percentile in milliseconds.
    pub(crate) fn percentile_ms(&self, percent: f64) -> f64 {
        percentile_ms(&self.micros, percent)
    }

    /// Returns an error if more than one visit in ten thousand failed.
    pub(crate) fn valid(self, what: &str) -> Outcome<Self> {
        if self.done == 0 || self.failed * 10_000 > self.done {
            let why = self.why.as_deref().unwrap_or("nothing was done");
            return Err(format!("{what}: {} of {} failed, the first with: {why}", self.failed, self.done + self.failed).into());
        }
        Ok(self)
    }

    fn note(&mut self, outcome: Outcome, took: Duration) {
        match outcome {
            Ok(()) => {
                self.done += 1;
                self.micros.push(u32::try_from(took.as_micros()).unwrap_or(u32::MAX));
            }
            Err(error) => {
                self.failed += 1;
                self.why.get_or_insert_with(|| error.to_string());
            }
        }
    }

    fn join(parts: Vec<Self>, seconds: f64) -> Self {
        let mut all = Self { seconds, ..Self::default() };
        for part in parts {
            all.done += part.done;
            all.failed += part.failed;
            all.micros.extend(part.micros);
            all.why = all.why.or(part.why);
        }
        all.micros.sort_unstable();
        all
    }
}

/// A percentile of sorted microseconds, in milliseconds.
pub(crate) fn percentile_ms(sorted: &[u32], percent: f64) -> f64 {
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index")]
    let index = (sorted.len() as f64 * percent / 100.0).ceil() as usize;
    sorted.get(index.clamp(1, sorted.len().max(1)) - 1).map_or(0.0, |micros| f64::from(*micros) / 1000.0)
}

/// Closed loop: each visitor starts again at once, for the given time.
pub(crate) async fn closed<V: Visitor>(visitors: &mut [V], time: Duration) -> Visits {
    until(visitors, time, || true).await
}

/// Closed loop until the given number of visits has started.
pub(crate) async fn counted<V: Visitor>(visitors: &mut [V], count: u64) -> Visits {
    let left = Cell::new(count);
    until(visitors, Duration::from_mins(10), || {
        let some = left.get() > 0;
        left.set(left.get().saturating_sub(1));
        some
    })
    .await
}

async fn until<V: Visitor>(visitors: &mut [V], time: Duration, more: impl Fn() -> bool) -> Visits {
    let began = Instant::now();
    let end = began + time;
    let more = &more;
    let work: FuturesUnordered<_> = visitors
        .iter_mut()
        .map(|visitor| async move {
            let mut visits = Visits::default();
            loop {
                let start = Instant::now();
                if end <= start || !more() {
                    return visits;
                }
                let outcome = visitor.turn().await;
                visits.note(outcome, start.elapsed());
            }
        })
        .collect();
    let parts = work.collect().await;
    Visits::join(parts, began.elapsed().as_secs_f64())
}

/// Open loop: visits start at a steady rate whether or not the earlier ones have ended. The waiting time of a visit
/// that finds every visitor busy counts from its scheduled start.
pub(crate) async fn open<V: Visitor>(visitors: &mut [V], rate: f64, time: Duration) -> Visits {
    let began = Instant::now();
    let arrivals = Cell::new(0_u32);
    let arrivals = &arrivals;
    let work: FuturesUnordered<_> = visitors
        .iter_mut()
        .map(|visitor| async move {
            let mut visits = Visits::default();
            loop {
                let arrival = arrivals.get();
                arrivals.set(arrival + 1);
                let after = Duration::from_secs_f64(f64::from(arrival) / rate);
                if time <= after {
                    return visits;
                }
                let due = began + after;
                let mut start = due;
                if Instant::now() < due {
                    sleep_until(due).await;
                    // The timer is coarse: its delay is ours, not the platform's.
                    start = Instant::now();
                }
                let outcome = visitor.turn().await;
                visits.note(outcome, start.elapsed());
            }
        })
        .collect();
    let parts = work.collect().await;
    Visits::join(parts, began.elapsed().as_secs_f64())
}
