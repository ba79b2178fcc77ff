//! Events, timers and hooks that take effect with a commit. They are collected while an operation runs and written
//! together at its end, because round trips are expensive and nobody can read the rows before the commit.

use bloom_fault::Fault;
use bloom_kernel::{TenantId, Timestamp};
use bloom_runtime::{RequestContext, ServiceContext, telemetry};
use uuid::Uuid;

use crate::{TIMER_POLL, TenantTx, Wake};

/// Beyond this many bytes or rows, collected rows are written before the commit, so that a large import needs little
/// memory.
const BYTES_MAX: usize = 1 << 20;
const ROWS_MAX: usize = 1_000;

/// A row to be inserted into the outbox; migrations/platform describes the columns.
#[derive(Debug, sqlx::Type)]
#[sqlx(type_name = "outgoing_event")]
pub struct OutboxRow {
    /// `UUIDv7` of the platform's clock.
    pub id: Uuid,
    /// Hash of tenant and aggregate.
    pub shard: i16,
    /// For example `order.placed`.
    pub kind: String,
    /// The id of the aggregate.
    pub aggregate: String,
    /// The aggregate's version after the change.
    pub version: i64,
    /// Version of the envelope's shape.
    pub schema_version: i16,
    /// Who caused it.
    pub actor: String,
    /// When, by the tenant's clock.
    pub occurred_at: Timestamp,
    /// W3C trace context.
    pub trace: Option<String>,
    /// The event that caused it.
    pub causation: Option<Uuid>,
    /// The aggregate after the change.
    pub data: String,
}

/// A timer that is set, moved or removed.
#[derive(Debug, sqlx::Type)]
#[sqlx(type_name = "outgoing_alarm")]
pub struct TimerChange {
    kind: String,
    key: String,
    /// When it is due; `None` removes it.
    run_at: Option<Timestamp>,
    payload: Option<String>,
}

/// Tenant and actor of a change, as recorded in its events.
#[derive(Clone)]
pub struct Cause {
    /// Clock, ids and keys of the service.
    pub context: ServiceContext,
    /// The tenant that is written to.
    pub tenant: TenantId,
    /// The caller.
    pub actor: String,
    /// W3C traceparent of the request, used when no span is open.
    pub trace: Option<String>,
    /// The event that caused this change.
    pub causation: Option<Uuid>,
}

impl Cause {
    pub(crate) fn of(context: &ServiceContext, request: &RequestContext) -> Self {
        Self {
            context: context.clone(),
            tenant: request.tenant,
            actor: request.actor.clone(),
            trace: request.trace.clone(),
            causation: None,
        }
    }

    pub(crate) fn background(context: &ServiceContext, tenant: TenantId) -> Self {
        Self { context: context.clone(), tenant, actor: String::new(), trace: None, causation: None }
    }

    /// The tenant's current time.
    pub fn now(&self) -> Timestamp {
        self.context.now(self.tenant)
    }

    /// The trace that the change belongs to.
    pub fn traceparent(&self) -> Option<String> {
        telemetry::traceparent().or_else(|| self.trace.clone())
    }
}

/// Common to [`TenantTx`] and [`WriteOnce`](crate::WriteOnce), a single-statement transaction: what they collect for
/// their commit.
pub trait Writer: Send {
    /// Tenant and actor of the writes.
    fn cause(&self) -> &Cause;

    /// What it has collected.
    fn pending(&mut self) -> &mut Pending;
}

/// Events, timers and hooks that take effect with the commit, and never without it.
#[derive(Default)]
pub struct Pending {
    events: Vec<OutboxRow>,
    timers: Vec<TimerChange>,
    hooks: Vec<Box<dyn FnOnce() + Send>>,
    /// The first document that could not be serialised: the commit fails with this fault.
    failed: Option<Fault>,
    bytes: usize,
    has_events: bool,
    earliest_timer: Option<Timestamp>,
}

impl Pending {
    /// Adds an event; the relay is notified after the commit.
    pub fn event(&mut self, row: OutboxRow) {
        self.bytes += row.data.len();
        self.events.push(row);
    }

    /// Makes the commit fail, because something that belongs to it could not be serialised.
    pub fn fail(&mut self, fault: Fault) {
        self.failed.get_or_insert(fault);
    }

    /// Sets, moves or (with `None`) removes the timer of this kind and key; the last change counts. A running attempt
    /// does not remove a timer that is set meanwhile.
    pub fn timer(&mut self, kind: &'static str, key: &str, set: Option<(Timestamp, String)>) {
        self.timers.retain(|known| known.kind != kind || known.key != key);
        let (run_at, payload) = set.unzip();
        self.bytes += payload.as_ref().map_or(0, String::len);
        self.earliest_timer = self.earliest_timer.into_iter().chain(run_at).min();
        self.timers.push(TimerChange { kind: kind.to_owned(), key: key.to_owned(), run_at, payload });
    }

    /// Adds a hook that runs after the commit.
    pub fn after_commit(&mut self, run: impl FnOnce() + Send + 'static) {
        self.hooks.push(Box::new(run));
    }

    fn is_large(&self) -> bool {
        BYTES_MAX < self.bytes || ROWS_MAX < self.events.len() + self.timers.len()
    }

    /// Takes the rows to be written now.
    pub(crate) fn take(&mut self) -> Result<(Vec<OutboxRow>, Vec<TimerChange>), Fault> {
        if let Some(fault) = self.failed.take() {
            // A caller that ignores this refusal must not commit either.
            self.failed = Some(Fault::internal("a document that was to be published could not be written"));
            return Err(fault);
        }
        self.bytes = 0;
        self.has_events |= !self.events.is_empty();
        Ok((std::mem::take(&mut self.events), std::mem::take(&mut self.timers)))
    }

    /// Adds what was collected later.
    pub(crate) fn append(&mut self, later: Self) {
        self.timers.retain(|known| !later.timers.iter().any(|timer| timer.kind == known.kind && timer.key == known.key));
        self.events.extend(later.events);
        self.timers.extend(later.timers);
        self.hooks.extend(later.hooks);
        self.bytes += later.bytes;
        self.has_events |= later.has_events;
        self.earliest_timer = self.earliest_timer.into_iter().chain(later.earliest_timer).min();
        self.failed = self.failed.take().or(later.failed);
    }

    /// The refusal of a document that could not be published, if there is one.
    pub(crate) fn refusal(&mut self) -> Option<Fault> {
        self.failed.take()
    }

    /// Takes over the hooks and notifications of a statement that has written its rows itself.
    pub(crate) fn absorb(&mut self, written: Self) {
        self.has_events |= written.has_events;
        self.earliest_timer = self.earliest_timer.into_iter().chain(written.earliest_timer).min();
        self.hooks.extend(written.hooks);
    }

    /// Notifies background tasks of the commit, and runs the hooks.
    pub(crate) fn committed(self, wake: &Wake, context: &ServiceContext) {
        if self.has_events {
            wake.outbox.notify_one();
        }
        if self.earliest_timer.is_some_and(|at| at <= context.platform_now() + TIMER_POLL) {
            wake.timers.notify_one();
        }
        for hook in self.hooks {
            hook();
        }
    }
}

impl TenantTx {
    /// Writes the collected rows if they are large. Operations that publish thousands of events call it repeatedly.
    pub async fn flush_if_large(&mut self) -> Result<(), Fault> {
        if self.pending.is_large() { self.write_pending().await } else { Ok(()) }
    }

    /// Writes the collected rows, events in the order of their publication.
    pub(crate) async fn write_pending(&mut self) -> Result<(), Fault> {
        let (events, timers) = self.pending.take()?;
        if events.is_empty() && timers.is_empty() {
            return Ok(());
        }
        sqlx::query!(
            "with unset as (
                 delete from timer using unnest($3::outgoing_alarm[]) alarm
                 where alarm.run_at is null
                     and timer.tenant_id = $1 and timer.kind = alarm.kind and timer.key = alarm.key
             ), set as (
                 insert into timer (tenant_id, kind, key, run_at, payload, attempts, locked_until)
                 select $1, kind, key, run_at, payload, 0, '-infinity'
                 from unnest($3::outgoing_alarm[]) where run_at is not null order by kind, key
                 on conflict (tenant_id, kind, key) do update
                     set run_at = excluded.run_at, payload = excluded.payload, attempts = 0,
                         locked_until = excluded.locked_until, claim = null, last_error = null
             )
             insert into outbox (tenant_id, id, shard, kind, aggregate, version, schema_version, actor, occurred_at, trace,
                                 causation, data)
             select $1, event.* from unnest($2::outgoing_event[]) event",
            self.cause.tenant.uuid(),
            events as _,
            timers as _,
        )
        .execute(self.tx.conn())
        .await?;
        Ok(())
    }
}
