//! Timers: work scheduled for a later time, stored as a row that commits with the change that needs it.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use bloom_db::Db;
use bloom_db::{SystemConn, TIMER_POLL as IDLE};
use bloom_fault::Fault;
use bloom_runtime::{RequestContext, ServiceContext, StartError, telemetry};
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt as _, StreamExt as _};
use serde_json::value::RawValue;
use tracing::Instrument as _;
use uuid::Uuid;

use crate::store::timer::{Due, timer_claim, timer_done, timer_failed, timer_next};

/// Maximum number of timers that one process runs at once.
const RUNNING: usize = 16;
/// A claim lasts longer than the deadline of the work it covers.
const LEASE: Duration = Duration::from_secs(90);
/// Maximum wait after failures.
const LONGEST_WAIT_S: f64 = 300.0;

/// Handles one kind of timer.
pub trait TimerHandler: Send + Sync {
    /// The kind, for example `checkout.expire`.
    fn kind(&self) -> &'static str;

    /// Called at least once, and again after a fault with growing waits. It must be idempotent.
    fn fire<'a>(&'a self, call: &'a RequestContext, key: &'a str, payload: &'a RawValue) -> BoxFuture<'a, Result<(), Fault>>;
}

/// Fires the timers of one service.
pub(crate) struct Timers {
    service: &'static str,
    host: ServiceContext,
    db: Db,
    handlers: Vec<Arc<dyn TimerHandler>>,
    kinds: Vec<String>,
}

impl Timers {
    pub(crate) fn new(service: &'static str, host: ServiceContext, db: Db, handlers: Vec<Arc<dyn TimerHandler>>) -> Self {
        let kinds = handlers.iter().map(|handler| handler.kind().to_owned()).collect();
        Self { service, host, db, handlers, kinds }
    }

    /// Runs until shutdown, then waits for running timers to finish.
    pub(crate) async fn run(self) -> Result<(), StartError> {
        let wake = self.db.wake().clone();
        let mut connection = None;
        let mut running = FuturesUnordered::new();
        loop {
            let pause = match self.claim(&mut connection, RUNNING - running.len()).await {
                Ok((due, pause)) => {
                    running.extend(due.into_iter().map(|(due, claim)| self.fire(due, claim)));
                    pause
                }
                Err(fault) => {
                    tracing::warn!(service = self.service, cause = fault.chain(), "timers could not be read");
                    Duration::from_secs(1)
                }
            };
            tokio::select! {
                Some(fired) = running.next() => self.store_result(&mut connection, fired).await,
                () = tokio::time::sleep(pause) => {}
                () = wake.timers.notified() => {}
                () = self.host.shutdown.cancelled() => break,
            }
        }
        while let Some(fired) = running.next().await {
            self.store_result(&mut connection, fired).await;
        }
        Ok(())
    }

    /// Claims due timers; if there are none, also returns how long to sleep.
    async fn claim(&self, kept: &mut Option<SystemConn>, free: usize) -> Result<(Vec<(Due, Uuid)>, Duration), Fault> {
        if free == 0 {
            return Ok((Vec::new(), IDLE));
        }
        let mut connection = self.connection(kept).await?;
        let now = self.host.platform_now();
        let next = timer_next(&mut connection, &self.kinds).await?;
        let Some(next) = next.filter(|next| *next <= now) else {
            *kept = Some(connection);
            let pause = next.and_then(|next| (next - now).to_std().ok()).unwrap_or(IDLE);
            return Ok((Vec::new(), pause.min(IDLE)));
        };
        tracing::trace!(service = self.service, %next, "timers are due");
        let claim = bloom_kernel::uuid_v7(now, &*self.host.entropy);
        let limit = i64::try_from(free).unwrap_or(1);
        let due = timer_claim(&mut connection, &self.kinds, now, claim, LEASE.as_secs_f64(), limit).await?;
        *kept = Some(connection);
        Ok((due.into_iter().map(|due| (due, claim)).collect(), Duration::from_millis(5)))
    }

    /// Takes the connection kept from before, or opens one. The caller puts it back after use, so a broken one is
    /// dropped.
    async fn connection(&self, kept: &mut Option<SystemConn>) -> Result<SystemConn, Fault> {
        match kept.take() {
            Some(connection) => Ok(connection),
            None => self.db.system_conn().await,
        }
    }

    async fn fire(&self, due: Due, claim: Uuid) -> Fired {
        let outcome = self.attempt(&due).await;
        if let Err(fault) = &outcome {
            tracing::warn!(
                service = self.service,
                kind = due.kind,
                key = due.key,
                attempts = due.attempts,
                cause = fault.chain(),
                "a timer failed and will be retried"
            );
        }
        Fired { due, claim, fault: outcome.err() }
    }

    /// Stores the result of a timer. If that fails, the claim expires and the timer fires again.
    async fn store_result(&self, kept: &mut Option<SystemConn>, fired: Fired) {
        let Fired { due, claim, fault } = fired;
        let noted = async {
            let mut connection = self.connection(kept).await?;
            match fault {
                None => timer_done(&mut connection, &due, claim).await?,
                Some(fault) => timer_failed(&mut connection, &due, claim, backoff_s(due.attempts), &fault.chain()).await?,
            }
            *kept = Some(connection);
            Ok::<(), Fault>(())
        };
        if let Err(fault) = noted.await {
            tracing::warn!(
                service = self.service,
                kind = due.kind,
                key = due.key,
                cause = fault.chain(),
                "the result of a timer was not stored; it will fire again"
            );
        }
    }

    async fn attempt(&self, due: &Due) -> Result<(), Fault> {
        let handler = self.handlers.iter().find(|handler| handler.kind() == due.kind);
        let handler = handler.ok_or_else(|| Fault::internal(format!("no handler for the timer kind {}", due.kind)))?;
        let payload: Box<RawValue> = RawValue::from_string(due.payload.clone()).map_err(Fault::internal)?;
        let mut call = RequestContext::background(self.service, due.tenant(), &format!("service:{}", self.service));
        let span = telemetry::background_span(self.service, handler.kind(), None);
        call.trace = span.in_scope(telemetry::traceparent);
        let work = handler.fire(&call, &due.key, &payload).instrument(span);
        match tokio::time::timeout(call.remaining(), AssertUnwindSafe(work).catch_unwind()).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err(Fault::internal(format!("{} panicked", due.kind))),
            Err(_) => Err(Fault::internal(format!("{} took longer than its deadline", due.kind))),
        }
    }
}

/// A timer that has fired.
struct Fired {
    due: Due,
    claim: Uuid,
    fault: Option<Fault>,
}

/// Half a second, doubled with each attempt, at most five minutes.
fn backoff_s(attempts: i32) -> f64 {
    (0.25 * f64::from(attempts.clamp(1, 20)).exp2()).min(LONGEST_WAIT_S)
}
