//! What leaves with a commit. Events and timers are collected while an operation works and written together at its end: what
//! costs is the round trip, and nobody reads them before the commit.

use bloom_fault::Fault;
use bloom_kernel::Timestamp;
use uuid::Uuid;

use super::TenantTx;

/// Collected documents beyond this many bytes, or rows beyond this many, are written at once: a large import keeps little.
const BYTES_MAX: usize = 1 << 20;
const ROWS_MAX: usize = 1_000;

/// A row of the outbox to be; the columns are described in migrations/platform.
pub struct OutgoingEvent {
    /// UUIDv7 of the platform's clock.
    pub id: Uuid,
    /// Hash of tenant and aggregate.
    pub shard: i16,
    /// For example `order.placed`.
    pub kind: &'static str,
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

/// A change of the timer of this kind and key.
struct Alarm {
    kind: &'static str,
    key: String,
    /// When it is to run and what it carries; nothing: it is not to run any more.
    set: Option<(Timestamp, String)>,
}

/// Writes one event, and what stands before it in the same statement; its parameters begin at $13.
macro_rules! insert_event {
    ($tx:ident, $event:ident, $before:tt $(, $argument:expr)* $(,)?) => {
        sqlx::query!(
            $before
                + "insert into outbox (tenant_id, id, shard, kind, aggregate, version, schema_version, actor, occurred_at, trace,
                                       causation, data)
                   values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
            $tx.tenant.uuid(),
            $event.id,
            $event.shard,
            $event.kind,
            $event.aggregate,
            $event.version,
            $event.schema_version,
            $event.actor,
            $event.occurred_at,
            $event.trace,
            $event.causation,
            $event.data
            $(, $argument)*
        )
    };
}

#[derive(Default)]
pub(super) struct Outgoing {
    events: Vec<OutgoingEvent>,
    alarms: Vec<Alarm>,
    bytes: usize,
}

impl TenantTx {
    /// Writes an event down when the transaction commits; the relay wakes then.
    pub async fn tell(&mut self, event: OutgoingEvent) -> Result<(), Fault> {
        self.events = true;
        self.outgoing.bytes += event.data.len();
        self.outgoing.events.push(event);
        self.write_if_many().await
    }

    /// Sets or moves a timer when the transaction commits. Whoever fires the old one right now will not remove the new one.
    /// When it is due before the next poll, those who fire it wake.
    pub async fn set_timer(&mut self, kind: &'static str, key: &str, run_at: Timestamp, payload: String) -> Result<(), Fault> {
        self.timers |= run_at <= self.host.wall() + super::TIMER_POLL;
        self.outgoing.bytes += payload.len();
        self.alarm(Alarm { kind, key: key.to_owned(), set: Some((run_at, payload)) }).await
    }

    /// Removes a timer when the transaction commits; there may be none.
    pub async fn unset_timer(&mut self, kind: &'static str, key: &str) -> Result<(), Fault> {
        self.alarm(Alarm { kind, key: key.to_owned(), set: None }).await
    }

    /// The last word on a timer counts.
    async fn alarm(&mut self, alarm: Alarm) -> Result<(), Fault> {
        self.outgoing.alarms.retain(|known| (known.kind, &known.key) != (alarm.kind, &alarm.key));
        self.outgoing.alarms.push(alarm);
        self.write_if_many().await
    }

    async fn write_if_many(&mut self) -> Result<(), Fault> {
        let Outgoing { events, alarms, bytes } = &self.outgoing;
        if BYTES_MAX < *bytes || ROWS_MAX < events.len() + alarms.len() {
            self.write_outgoing().await?;
        }
        Ok(())
    }

    /// Writes what was collected, in the order in which events were told: in one statement where there is one event and at
    /// most one timer, as in most operations.
    pub(super) async fn write_outgoing(&mut self) -> Result<(), Fault> {
        let Outgoing { mut events, mut alarms, .. } = std::mem::take(&mut self.outgoing);
        if events.len() == 1 && alarms.len() < 2 {
            let (Some(event), alarm) = (events.pop(), alarms.pop()) else { return Ok(()) };
            return match alarm {
                None => self.event_insert(event).await,
                Some(Alarm { kind, key, set: Some((run_at, payload)) }) => {
                    self.event_insert_and_timer_set(event, kind, &key, run_at, &payload).await
                }
                Some(Alarm { kind, key, set: None }) => self.event_insert_and_timer_unset(event, kind, &key).await,
            };
        }
        if !events.is_empty() {
            self.events_insert(&events).await?;
        }
        let (set, unset): (Vec<_>, Vec<_>) = alarms.into_iter().partition(|alarm| alarm.set.is_some());
        if !set.is_empty() {
            self.timers_set(&set).await?;
        }
        if !unset.is_empty() {
            self.timers_unset(&unset).await?;
        }
        Ok(())
    }

    async fn event_insert(&mut self, event: OutgoingEvent) -> Result<(), Fault> {
        insert_event!(self, event, "").execute(self.tx.line()).await?;
        Ok(())
    }

    async fn event_insert_and_timer_set(
        &mut self,
        event: OutgoingEvent,
        kind: &str,
        key: &str,
        run_at: Timestamp,
        payload: &str,
    ) -> Result<(), Fault> {
        let written = insert_event!(
            self,
            event,
            "with alarm as (
                 insert into timer (tenant_id, kind, key, run_at, payload, attempts, locked_until)
                 values ($1, $13, $14, $15, $16, 0, '-infinity')
                 on conflict (tenant_id, kind, key) do update
                     set run_at = excluded.run_at, payload = excluded.payload, attempts = 0,
                         locked_until = excluded.locked_until, claim = null, last_error = null
             ) ",
            kind,
            key,
            run_at,
            payload,
        );
        written.execute(self.tx.line()).await?;
        Ok(())
    }

    async fn event_insert_and_timer_unset(&mut self, event: OutgoingEvent, kind: &str, key: &str) -> Result<(), Fault> {
        let written = insert_event!(
            self,
            event,
            "with alarm as (delete from timer where tenant_id = $1 and kind = $13 and key = $14) ",
            kind,
            key,
        );
        written.execute(self.tx.line()).await?;
        Ok(())
    }

    async fn events_insert(&mut self, events: &[OutgoingEvent]) -> Result<(), Fault> {
        let column = |pick: fn(&OutgoingEvent) -> &str| -> Vec<String> { events.iter().map(|e| pick(e).to_owned()).collect() };
        let traces: Vec<Option<String>> = events.iter().map(|event| event.trace.clone()).collect();
        let causations: Vec<Option<Uuid>> = events.iter().map(|event| event.causation).collect();
        sqlx::query!(
            "insert into outbox (tenant_id, id, shard, kind, aggregate, version, schema_version, actor, occurred_at, trace,
                                 causation, data)
             select $1, id, shard, kind, aggregate, version, schema_version, actor, occurred_at, trace, causation, data
             from unnest($2::uuid[], $3::int2[], $4::text[], $5::text[], $6::int8[], $7::int2[], $8::text[], $9::timestamptz[],
                         $10::text[], $11::uuid[], $12::text[])
                  with ordinality as event(id, shard, kind, aggregate, version, schema_version, actor, occurred_at, trace,
                                           causation, data, ord)
             order by ord",
            self.tenant.uuid(),
            &events.iter().map(|event| event.id).collect::<Vec<_>>(),
            &events.iter().map(|event| event.shard).collect::<Vec<_>>(),
            &column(|event| event.kind),
            &column(|event| &event.aggregate),
            &events.iter().map(|event| event.version).collect::<Vec<_>>(),
            &events.iter().map(|event| event.schema_version).collect::<Vec<_>>(),
            &column(|event| &event.actor),
            &events.iter().map(|event| event.occurred_at).collect::<Vec<_>>(),
            &traces as &[Option<String>],
            &causations as &[Option<Uuid>],
            &column(|event| &event.data),
        )
        .execute(self.tx.line())
        .await?;
        Ok(())
    }

    async fn timers_set(&mut self, alarms: &[Alarm]) -> Result<(), Fault> {
        let kinds: Vec<String> = alarms.iter().map(|alarm| alarm.kind.to_owned()).collect();
        let keys: Vec<String> = alarms.iter().map(|alarm| alarm.key.clone()).collect();
        let (times, payloads): (Vec<Timestamp>, Vec<String>) = alarms.iter().filter_map(|alarm| alarm.set.clone()).unzip();
        sqlx::query!(
            "insert into timer (tenant_id, kind, key, run_at, payload, attempts, locked_until)
             select $1, kind, key, run_at, payload, 0, '-infinity'
             from unnest($2::text[], $3::text[], $4::timestamptz[], $5::text[]) as alarm(kind, key, run_at, payload)
             order by kind, key
             on conflict (tenant_id, kind, key) do update
                 set run_at = excluded.run_at, payload = excluded.payload, attempts = 0,
                     locked_until = excluded.locked_until, claim = null, last_error = null",
            self.tenant.uuid(),
            &kinds,
            &keys,
            &times,
            &payloads,
        )
        .execute(self.tx.line())
        .await?;
        Ok(())
    }

    async fn timers_unset(&mut self, alarms: &[Alarm]) -> Result<(), Fault> {
        let kinds: Vec<String> = alarms.iter().map(|alarm| alarm.kind.to_owned()).collect();
        let keys: Vec<String> = alarms.iter().map(|alarm| alarm.key.clone()).collect();
        sqlx::query!(
            "delete from timer using unnest($2::text[], $3::text[]) as alarm(kind, key)
             where timer.tenant_id = $1 and timer.kind = alarm.kind and timer.key = alarm.key",
            self.tenant.uuid(),
            &kinds,
            &keys,
        )
        .execute(self.tx.line())
        .await?;
        Ok(())
    }
}
