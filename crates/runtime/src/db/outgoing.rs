//! What leaves with a commit. Events and timers are collected while an operation works and written together at its end: what
//! costs is the round trip, and nobody reads them before the commit.

use bloom_fault::Fault;
use bloom_kernel::{TenantId, Timestamp};
use uuid::Uuid;

use super::{TIMER_POLL, TenantTx, Wake};
use crate::host::Host;

/// Collected documents beyond this many bytes, or rows beyond this many, are written at once: a large import keeps little.
const BYTES_MAX: usize = 1 << 20;
const ROWS_MAX: usize = 1_000;

/// A row of the outbox to be; the columns are described in migrations/platform.
#[derive(Debug, sqlx::Type)]
#[sqlx(type_name = "outgoing_event")]
pub struct OutgoingEvent {
    /// UUIDv7 of the platform's clock.
    pub id: Uuid,
    /// Hash of tenant and aggregate.
    pub shard: i16,
    /// For example `order.placed`.
    pub kind: String,
    /// The id of what it tells of.
    pub aggregate: String,
    /// The aggregate's version after the change.
    pub version: i64,
    /// Of the envelope.
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

/// What becomes of the timer of this kind and key.
#[derive(Debug, sqlx::Type)]
#[sqlx(type_name = "outgoing_alarm")]
pub struct OutgoingAlarm {
    kind: String,
    key: String,
    /// When it is to run; nothing: it is not to run any more.
    run_at: Option<Timestamp>,
    payload: Option<String>,
}

/// Whoever writes, as its events and timers see it: what they are told leaves with the commit, and never without it.
pub trait Tell: Send {
    /// Whose rows are written.
    fn tenant(&self) -> TenantId;

    /// Where they are collected.
    fn outgoing(&mut self) -> &mut Outgoing;

    /// Writes what was collected, should it be much.
    fn unload(&mut self) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Writes an event down; the relay wakes after the commit.
    fn tell(&mut self, event: OutgoingEvent) -> impl Future<Output = Result<(), Fault>> + Send {
        self.outgoing().bytes += event.data.len();
        self.outgoing().events.push(event);
        self.unload()
    }

    /// Sets or moves a timer. Whoever fires the old one right now will not remove the new one. When it is due before the next
    /// poll, those who fire it wake.
    fn set_timer(
        &mut self,
        kind: &'static str,
        key: &str,
        run_at: Timestamp,
        payload: String,
    ) -> impl Future<Output = Result<(), Fault>> + Send {
        self.outgoing().bytes += payload.len();
        self.outgoing().alarm(kind, key, Some((run_at, payload)));
        self.unload()
    }

    /// Removes a timer; there may be none.
    fn unset_timer(&mut self, kind: &'static str, key: &str) -> impl Future<Output = Result<(), Fault>> + Send {
        self.outgoing().alarm(kind, key, None);
        self.unload()
    }
}

/// Events and timers on their way into a commit.
#[derive(Debug, Default)]
pub struct Outgoing {
    pub(super) events: Vec<OutgoingEvent>,
    pub(super) alarms: Vec<OutgoingAlarm>,
    bytes: usize,
    told: bool,
    /// The earliest that was set.
    rings: Option<Timestamp>,
}

impl Outgoing {
    /// The last word on a timer counts.
    fn alarm(&mut self, kind: &'static str, key: &str, set: Option<(Timestamp, String)>) {
        self.alarms.retain(|known| known.kind != kind || known.key != key);
        let (run_at, payload) = set.unzip();
        self.rings = self.rings.into_iter().chain(run_at).min();
        self.alarms.push(OutgoingAlarm { kind: kind.to_owned(), key: key.to_owned(), run_at, payload });
    }

    fn is_much(&self) -> bool {
        BYTES_MAX < self.bytes || ROWS_MAX < self.events.len() + self.alarms.len()
    }

    /// What is to be written now.
    pub(super) fn take(&mut self) -> (Vec<OutgoingEvent>, Vec<OutgoingAlarm>) {
        self.bytes = 0;
        self.told |= !self.events.is_empty();
        (std::mem::take(&mut self.events), std::mem::take(&mut self.alarms))
    }

    /// A statement on the way has written these.
    pub(super) fn joined(&mut self, written: &Self) {
        self.told |= written.told;
        self.rings = self.rings.into_iter().chain(written.rings).min();
    }

    /// Wakes who sleeps on what has been committed.
    pub(super) fn ring(&self, wake: &Wake, host: &Host) {
        if self.told {
            wake.outbox.notify_one();
        }
        if self.rings.is_some_and(|at| at <= host.wall() + TIMER_POLL) {
            wake.timers.notify_one();
        }
    }
}

impl Tell for TenantTx {
    fn tenant(&self) -> TenantId {
        self.tenant
    }

    fn outgoing(&mut self) -> &mut Outgoing {
        &mut self.outgoing
    }

    async fn unload(&mut self) -> Result<(), Fault> {
        if self.outgoing.is_much() { Ok(self.write_outgoing().await?) } else { Ok(()) }
    }
}

impl TenantTx {
    /// Writes what was collected, events in the order in which they were told.
    pub(super) async fn write_outgoing(&mut self) -> Result<(), sqlx::Error> {
        let (events, alarms) = self.outgoing.take();
        if events.is_empty() && alarms.is_empty() {
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
            self.tenant.uuid(),
            events as _,
            alarms as _,
        )
        .execute(self.tx.line())
        .await?;
        Ok(())
    }
}
