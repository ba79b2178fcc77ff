//! Applies a batch of events exactly once: inbox rows, effect and cursor commit in one transaction. A transient fault
//! is retried; any other parks the events of its aggregate so that the others continue.

use std::collections::HashSet;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use bloom_db::{Db, TenantTx};
use bloom_fault::{Code, Fault};
use bloom_kernel::TenantId;
use bloom_runtime::{RequestContext, ServiceContext, telemetry};
use futures::FutureExt as _;
use tracing::Instrument as _;

use crate::envelope::{Envelope, SCHEMA_VERSION};
use crate::handler::Handler;
use crate::store::inbox::{ConsumerGeneration, Cursor, inbox_admit};
use crate::store::parked::parked_add;

/// Maximum number of events applied in one transaction.
pub(crate) const BATCH: usize = 256;

/// Retries of a batch that fails with a transient fault. With the waits below this takes most of a minute.
const TRIES: u32 = 16;

/// Applies events to one handler of one service.
#[derive(Clone)]
pub(crate) struct Applier {
    pub(crate) service: &'static str,
    pub(crate) host: ServiceContext,
    pub(crate) db: Db,
    pub(crate) handler: Arc<dyn Handler>,
    pub(crate) reader: ConsumerGeneration,
}

impl Applier {
    /// Applies or parks every event; the cursors advance in the last transaction. It fails only when no progress is
    /// possible at the moment, and may then be called again with the same events.
    pub(crate) async fn apply(&self, events: Vec<Envelope>, cursors: &[Cursor]) -> Result<(), Fault> {
        let groups = by_tenant(events);
        let last = groups.len().saturating_sub(1);
        for (place, group) in groups.iter().enumerate() {
            let cursors = if place == last { cursors } else { &[] };
            self.group(group, cursors).await?;
        }
        Ok(())
    }

    /// Applies loaded state to the handler without inbox and parking: if one record cannot be applied, the whole replay
    /// fails.
    pub(crate) async fn load(&self, events: Vec<Envelope>) -> Result<(), Fault> {
        for group in by_tenant(events) {
            let mut tx = self.begin(&group).await?;
            self.effect(&mut tx, &group).await?;
            tx.commit().await?;
        }
        Ok(())
    }

    async fn group(&self, group: &[Envelope], cursors: &[Cursor]) -> Result<(), Fault> {
        let mut fault = match self.once(group, cursors).await {
            Ok(()) => return Ok(()),
            Err(fault) => fault,
        };
        for attempt in 1..TRIES {
            if !fault.is_retryable() {
                break;
            }
            self.pause(wait(attempt)).await?;
            match self.once(group, cursors).await {
                Ok(()) => return Ok(()),
                Err(again) => fault = again,
            }
        }
        if let [event] = group {
            return self.park(event, &fault, cursors).await;
        }
        let last = group.len() - 1;
        for (place, event) in group.iter().enumerate() {
            let cursors = if place == last { cursors } else { &[] };
            if let Err(fault) = self.once(std::slice::from_ref(event), cursors).await {
                self.park(event, &fault, cursors).await?;
            }
        }
        Ok(())
    }

    /// Runs one transaction: inbox rows, followers of parked events, effect, cursors.
    async fn once(&self, group: &[Envelope], cursors: &[Cursor]) -> Result<(), Fault> {
        let mut tx = self.begin(group).await?;
        let mut seen = HashSet::new();
        let mut admitted = inbox_admit(&mut tx, self.reader, group, cursors).await?;
        // A redelivery may contain the same event twice.
        admitted.retain(|event| seen.insert(group[event.place].id));
        let followers: Vec<&Envelope> = admitted.iter().filter(|event| event.parked).map(|event| &group[event.place]).collect();
        if !followers.is_empty() {
            parked_add(&mut tx, self.reader.consumer, &followers, None, self.host.platform_now()).await?;
        }
        let fresh = admitted.len() - followers.len();
        if fresh == group.len() {
            self.effect(&mut tx, group).await?;
        } else if fresh > 0 {
            let fresh: Vec<Envelope> =
                admitted.iter().filter(|event| !event.parked).map(|event| group[event.place].clone()).collect();
            self.effect(&mut tx, &fresh).await?;
        }
        tx.commit().await?;
        self.host.metrics.count(self.service, "events_applied", fresh as u64);
        Ok(())
    }

    /// Calls the handler. A panic is turned into a fault, so that it does not stop the other aggregates.
    pub(crate) async fn effect(&self, tx: &mut TenantTx, events: &[Envelope]) -> Result<(), Fault> {
        if let Some(event) = events.iter().find(|event| event.schema_version != SCHEMA_VERSION) {
            let detail = format!("event {} has schema version {}", event.id, event.schema_version);
            return Err(Fault::new(Code::Unprocessable, "schema_version_unknown", detail));
        }
        let traces = events.iter().filter_map(|event| event.trace.as_deref());
        let span = telemetry::background_span(self.service, self.reader.consumer, traces);
        let work = self.handler.apply(tx, events).instrument(span);
        match AssertUnwindSafe(work).catch_unwind().await {
            Ok(outcome) => outcome,
            Err(_) => Err(Fault::internal(format!("{} panicked", self.reader.consumer))),
        }
    }

    async fn park(&self, event: &Envelope, fault: &Fault, cursors: &[Cursor]) -> Result<(), Fault> {
        let group = std::slice::from_ref(event);
        let mut tx = self.begin(group).await?;
        let admitted = inbox_admit(&mut tx, self.reader, group, cursors).await?;
        if !admitted.is_empty() {
            let cause = fault.chain();
            tracing::error!(
                consumer = self.reader.consumer, event = %event.id, kind = event.kind, tenant = %event.tenant,
                aggregate = event.aggregate, cause, "event parked; later ones of this aggregate queue behind it"
            );
            let cause = Some((cause.as_str(), 1, fault.is_retryable()));
            parked_add(&mut tx, self.reader.consumer, &[event], cause, self.host.platform_now()).await?;
            self.host.metrics.count(self.service, "events_parked", 1);
        }
        tx.commit().await
    }

    async fn begin(&self, group: &[Envelope]) -> Result<TenantTx, Fault> {
        let tenant = group.first().map_or(TenantId::from_uuid(uuid::Uuid::nil()), |event| event.tenant);
        self.begin_for(tenant).await
    }

    pub(crate) async fn begin_for(&self, tenant: TenantId) -> Result<TenantTx, Fault> {
        self.db.write(&RequestContext::background(self.service, tenant, &format!("service:{}", self.service))).await
    }

    /// Sleeps, but returns a fault at once when the process shuts down.
    pub(crate) async fn pause(&self, time: Duration) -> Result<(), Fault> {
        stoppable(&self.host, tokio::time::sleep(time)).await.ok_or_else(stopping)
    }
}

/// Returns the future's output, or `None` when shutdown starts first.
pub(crate) async fn stoppable<T>(host: &ServiceContext, work: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        biased;
        () = host.shutdown.cancelled() => None,
        outcome = work => Some(outcome),
    }
}

pub(crate) fn stopping() -> Fault {
    Fault::new(Code::Unavailable, "stopping", "The process is stopping.")
}

/// 50 ms, doubled with each attempt, at most 5 s.
pub(crate) fn wait(attempt: u32) -> Duration {
    Duration::from_millis((25_u64 << attempt.min(8)).min(5_000))
}

/// Groups events by tenant, keeps their order, and limits each group to one batch.
fn by_tenant(events: Vec<Envelope>) -> Vec<Vec<Envelope>> {
    let mut groups: Vec<Vec<Envelope>> = Vec::new();
    for event in events {
        let open = groups.iter_mut().rev().find(|group| group.first().is_some_and(|first| first.tenant == event.tenant));
        match open {
            Some(group) if group.len() < BATCH => group.push(event),
            _ => groups.push(vec![event]),
        }
    }
    groups
}
