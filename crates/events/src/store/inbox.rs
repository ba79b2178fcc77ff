//! The inbox: the events that a consumer has applied.

use bloom_db::TenantTx;
use bloom_fault::Fault;
use uuid::Uuid;

use crate::envelope::Envelope;

/// How far a consumer has read a shard of a source; committed with the effect.
#[derive(Clone, Debug)]
pub(crate) struct Cursor {
    pub(crate) service: &'static str,
    pub(crate) shard: i16,
    pub(crate) position: i64,
}

/// The result of one event of a batch.
pub(crate) struct Admitted {
    /// Its index in the batch.
    pub(crate) place: usize,
    /// It must queue behind parked events of its aggregate.
    pub(crate) parked: bool,
}

/// A consumer in one of its generations.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ConsumerGeneration {
    pub(crate) consumer: &'static str,
    pub(crate) generation: i32,
}

/// Inserts the inbox rows of a batch and advances the cursors; returns the events that were not seen before.
pub(crate) async fn inbox_admit(
    tx: &mut TenantTx,
    reader: ConsumerGeneration,
    batch: &[Envelope],
    cursors: &[Cursor],
) -> Result<Vec<Admitted>, Fault> {
    let ids: Vec<Uuid> = batch.iter().map(|event| event.id.uuid()).collect();
    let services: Vec<String> = batch.iter().map(|event| event.service.clone()).collect();
    let aggregates: Vec<String> = batch.iter().map(|event| event.aggregate.clone()).collect();
    let cursor_services: Vec<String> = cursors.iter().map(|cursor| cursor.service.to_owned()).collect();
    let cursor_shards: Vec<i16> = cursors.iter().map(|cursor| cursor.shard).collect();
    let cursor_positions: Vec<i64> = cursors.iter().map(|cursor| cursor.position).collect();
    let tenant = tx.tenant().uuid();
    // Sorted, so that two processes with the same events wait for each other's locks instead of deadlocking.
    let rows = sqlx::query!(
        r#"with event as (
               select * from unnest($4::uuid[], $5::text[], $6::text[]) with ordinality as event(id, service, aggregate, place)
           ), fresh as (
               insert into inbox (tenant_id, consumer, generation, event_id)
               select $1, $2, $3, id from event order by id
               on conflict do nothing returning event_id
           ), moved as (
               insert into consumer_cursor as cursor (consumer, generation, service, shard, position)
               select $2, $3, service, shard, position
               from unnest($7::text[], $8::int2[], $9::int8[]) as moved(service, shard, position)
               on conflict (consumer, generation, service, shard) do update
                   set position = greatest(cursor.position, excluded.position)
           )
           select event.place as "place!", exists (
               select from parked where parked.tenant_id = $1 and parked.consumer = $2
                   and parked.service = event.service and parked.aggregate = event.aggregate
           ) as "parked!"
           from event join fresh on fresh.event_id = event.id order by event.place"#,
        tenant,
        reader.consumer,
        reader.generation,
        &ids,
        &services,
        &aggregates,
        &cursor_services,
        &cursor_shards,
        &cursor_positions,
    )
    .fetch_all(&mut **tx)
    .await?;
    let admitted =
        rows.into_iter().map(|row| Admitted { place: usize::try_from(row.place).unwrap_or(1) - 1, parked: row.parked });
    Ok(admitted.collect())
}
