//! The outbox as the relay and the in-process consumers read it.

use bloom_fault::Fault;
use bloom_kernel::{EventId, TenantId, Timestamp};
use serde_json::value::RawValue;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::envelope::{Envelope, full_kind};
use crate::shard::{Positions, index};

struct Row {
    tenant_id: Uuid,
    id: Uuid,
    shard: i16,
    position: Option<i64>,
    kind: String,
    aggregate: String,
    version: i64,
    schema_version: i16,
    actor: String,
    occurred_at: Timestamp,
    trace: Option<String>,
    causation: Option<Uuid>,
    data: String,
    seq: i64,
}

/// An event and its place in the outbox.
#[derive(Clone, Debug)]
pub(crate) struct Logged {
    /// Its place in the order of insertion.
    pub(crate) seq: i64,
    pub(crate) shard: i16,
    /// 0 while it is unpublished.
    pub(crate) position: i64,
    pub(crate) envelope: Envelope,
}

impl Row {
    fn logged(self, service: &str) -> Result<Logged, Fault> {
        Ok(Logged {
            seq: self.seq,
            shard: self.shard,
            position: self.position.unwrap_or_default(),
            envelope: Envelope {
                id: EventId::from_uuid(self.id),
                tenant: TenantId::from_uuid(self.tenant_id),
                service: service.to_owned(),
                kind: full_kind(service, &self.kind),
                aggregate: self.aggregate,
                version: self.version,
                actor: self.actor,
                occurred_at: self.occurred_at,
                schema_version: self.schema_version,
                trace: self.trace,
                causation: self.causation.map(EventId::from_uuid),
                data: RawValue::from_string(self.data).map_err(Fault::internal)?,
            },
        })
    }
}

/// Unpublished events of the given shards in order of insertion.
pub(crate) async fn outbox_pending(
    conn: &mut PgConnection,
    service: &str,
    shards: &[i16],
    limit: i64,
) -> Result<Vec<Logged>, Fault> {
    let rows = sqlx::query_as!(
        Row,
        "select tenant_id, id, shard, position, kind, aggregate, version, schema_version, actor, occurred_at, trace, causation, data,
                seq
         from outbox where position is null and shard = any($1) order by seq limit $2",
        shards,
        limit,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(|row| row.logged(service)).collect()
}

/// The part of a stamp that concerns one shard.
pub(crate) struct Advance {
    pub(crate) shard: i16,
    pub(crate) epoch: i64,
    pub(crate) from: i64,
    pub(crate) to: i64,
}

/// Marks events as published at their positions, for the shards whose epoch is still current. Returns how many were
/// marked: fewer than given means that a lease was lost. A shard is marked completely or not at all. The range
/// condition ensures that no query plan reads pending rows outside of the first and last event.
pub(crate) async fn outbox_stamp(conn: &mut PgConnection, advances: &[Advance], events: &[Logged]) -> Result<usize, Fault> {
    let shards: Vec<i16> = advances.iter().map(|advance| advance.shard).collect();
    let epochs: Vec<i64> = advances.iter().map(|advance| advance.epoch).collect();
    let froms: Vec<i64> = advances.iter().map(|advance| advance.from).collect();
    let tos: Vec<i64> = advances.iter().map(|advance| advance.to).collect();
    let seqs: Vec<i64> = events.iter().map(|event| event.seq).collect();
    let ids: Vec<Uuid> = events.iter().map(|event| event.envelope.id.uuid()).collect();
    let event_shards: Vec<i16> = events.iter().map(|event| event.shard).collect();
    let positions: Vec<i64> = events.iter().map(|event| event.position).collect();
    let done = sqlx::query!(
        "with granted as (
             update relay_lease lease set position = advance.till
             from unnest($1::int2[], $2::int8[], $3::int8[], $4::int8[]) as advance(shard, epoch, since, till)
             where lease.shard = advance.shard and lease.epoch = advance.epoch and lease.position = advance.since
             returning lease.shard
         )
         update outbox set position = event.position
         from unnest($5::int8[], $6::uuid[], $7::int2[], $8::int8[]) as event(seq, id, shard, position)
         join granted on granted.shard = event.shard
         where outbox.seq = event.seq and outbox.id = event.id and outbox.position is null
             and outbox.seq between $9 and $10",
        &shards,
        &epochs,
        &froms,
        &tos,
        &seqs,
        &ids,
        &event_shards,
        &positions,
        seqs.iter().min(),
        seqs.iter().max(),
    )
    .execute(conn)
    .await?;
    Ok(usize::try_from(done.rows_affected()).unwrap_or_default())
}

/// Published events after the given positions, at most `limit` per shard, in order within a shard.
pub(crate) async fn outbox_after(
    conn: &mut PgConnection,
    service: &str,
    after: &[(i16, i64)],
    limit: i64,
) -> Result<Vec<Logged>, Fault> {
    let (shards, positions): (Vec<i16>, Vec<i64>) = after.iter().copied().unzip();
    let rows = sqlx::query_as!(
        Row,
        r#"select next.tenant_id, next.id, next.shard, next.position, next.kind, next.aggregate, next.version,
                  next.schema_version, next.actor, next.occurred_at, next.trace, next.causation, next.data,
                  next.seq
           from unnest($1::int2[], $2::int8[]) as seen(shard, position)
           cross join lateral (
               select * from outbox where outbox.shard = seen.shard and outbox.position > seen.position
               order by outbox.position limit $3
           ) next
           order by next.seq"#,
        &shards,
        &positions,
        limit,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(|row| row.logged(service)).collect()
}

/// Counts of a service's pending outbox events and timers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) outbox: i64,
    pub(crate) published: i64,
    pub(crate) parked: i64,
    pub(crate) timers_due: i64,
    /// Consumers whose generation has not loaded yet.
    pub(crate) loading: i64,
}

/// Counts the pending work.
pub(crate) async fn standing(conn: &mut PgConnection, now: Timestamp) -> Result<Standing, Fault> {
    Ok(sqlx::query_as!(
        Standing,
        r#"select (select count(*) from outbox where position is null) as "outbox!",
                  (select sum(position)::int8 from relay_lease) as "published!",
                  (select count(*) from parked) as "parked!",
                  (select count(*) from timer where run_at <= $1) as "timers_due!",
                  (select count(*) from consumer where loaded_at is null) as "loading!""#,
        now,
    )
    .fetch_one(conn)
    .await?)
}

/// Creates future partitions and drops old ones; see migrations/platform. Returns the names of the dropped partitions.
pub(crate) async fn partitions_keep(
    conn: &mut PgConnection,
    now: Timestamp,
    outbox_days: i32,
    inbox_days: i32,
    floors: Option<&Positions>,
) -> Result<Vec<String>, Fault> {
    let floors = floors.map(|floors| floors.to_vec());
    let dropped = sqlx::query_scalar!(
        r#"select event_partitions($1, $2, $3, $4) as "dropped!""#,
        now,
        outbox_days,
        inbox_days,
        floors.as_deref(),
    )
    .fetch_one(conn)
    .await?;
    Ok(dropped)
}

/// Deletes a batch of expired replies of idempotent operations.
pub(crate) async fn idempotency_expire(conn: &mut PgConnection, now: Timestamp, limit: i64) -> Result<u64, Fault> {
    let done = sqlx::query!(
        "delete from idempotency where (tenant_id, op, key) in
             (select tenant_id, op, key from idempotency where expires_at < $1 order by expires_at limit $2)",
        now,
        limit,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}

/// The index of an event's shard.
pub(crate) fn place(event: &Logged) -> usize {
    index(event.shard)
}

/// Shards whose published positions have a gap before the lease's position.
pub(crate) async fn outbox_gaps(conn: &mut PgConnection) -> Result<Vec<i16>, Fault> {
    Ok(sqlx::query_scalar!(
        "select lease.shard from relay_lease lease
         join (
             select shard, min(position) as low, max(position) as high, count(*) as count
             from outbox where position is not null group by shard
         ) log on log.shard = lease.shard
         where log.high - log.low + 1 <> log.count or log.high <> lease.position
         order by lease.shard",
    )
    .fetch_all(conn)
    .await?)
}
