//! Consumers, their generations and their cursors.

use bloom_fault::Fault;
use bloom_kernel::Timestamp;
use sqlx::PgConnection;

use crate::shard::{Positions, SHARDS, index};
use crate::store::inbox::{ConsumerGeneration, Cursor};

/// A consumer's current generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Generation {
    pub(crate) number: i32,
    /// False until its sources' state has been loaded.
    pub(crate) loaded: bool,
}

/// The current generation; a consumer that is seen for the first time starts its first.
pub(crate) async fn consumer_generation(conn: &mut PgConnection, consumer: &str) -> Result<Generation, Fault> {
    let row = sqlx::query!(
        r#"with present as (select generation, loaded_at from consumer where consumer = $1),
           made as (
               insert into consumer (consumer, generation, loaded_at, loader_until)
               select $1, 1, null, '-infinity' where not exists (select from present)
               on conflict do nothing
           )
           select coalesce((select generation from present), 1) as "number!",
                  (select loaded_at from present) is not null as "loaded!""#,
        consumer,
    )
    .fetch_one(conn)
    .await?;
    Ok(Generation { number: row.number, loaded: row.loaded })
}

/// Claims the loading of this generation for a limited time; false while another process holds the claim.
pub(crate) async fn consumer_loader(conn: &mut PgConnection, reader: ConsumerGeneration) -> Result<bool, Fault> {
    let done = sqlx::query!(
        "update consumer set loader_until = clock_timestamp() + interval '20 seconds'
         where consumer = $1 and generation = $2 and loaded_at is null and loader_until < clock_timestamp()",
        reader.consumer,
        reader.generation,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Extends the claim by `seconds`; 0 releases it to another process.
pub(crate) async fn consumer_loading(conn: &mut PgConnection, reader: ConsumerGeneration, seconds: f64) -> Result<(), Fault> {
    sqlx::query!(
        "update consumer set loader_until = clock_timestamp() + make_interval(secs => $3)
         where consumer = $1 and generation = $2 and loaded_at is null",
        reader.consumer,
        reader.generation,
        seconds,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Marks the generation as loaded, so that it may follow the events.
pub(crate) async fn consumer_loaded(conn: &mut PgConnection, reader: ConsumerGeneration, now: Timestamp) -> Result<(), Fault> {
    sqlx::query!(
        "update consumer set loaded_at = $3, loader_until = '-infinity' where consumer = $1 and generation = $2",
        reader.consumer,
        reader.generation,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Begins a new generation; `None` for an unknown consumer.
pub(crate) async fn consumer_replay(conn: &mut PgConnection, consumer: &str) -> Result<Option<i32>, Fault> {
    Ok(sqlx::query_scalar!(
        "update consumer set generation = generation + 1, loaded_at = null, loader_until = '-infinity'
         where consumer = $1 returning generation",
        consumer,
    )
    .fetch_optional(conn)
    .await?)
}

/// How far the consumer generation has read a source.
pub(crate) async fn cursor_read(conn: &mut PgConnection, reader: ConsumerGeneration, service: &str) -> Result<Positions, Fault> {
    let rows = sqlx::query!(
        "select shard, position from consumer_cursor where consumer = $1 and generation = $2 and service = $3",
        reader.consumer,
        reader.generation,
        service,
    )
    .fetch_all(conn)
    .await?;
    let mut positions = [0; SHARDS];
    for row in rows {
        positions[index(row.shard)] = row.position;
    }
    Ok(positions)
}

/// Advances cursors without applying events, and deletes those of earlier generations.
pub(crate) async fn cursor_write(conn: &mut PgConnection, reader: ConsumerGeneration, cursors: &[Cursor]) -> Result<(), Fault> {
    let services: Vec<String> = cursors.iter().map(|cursor| cursor.service.to_owned()).collect();
    let shards: Vec<i16> = cursors.iter().map(|cursor| cursor.shard).collect();
    let positions: Vec<i64> = cursors.iter().map(|cursor| cursor.position).collect();
    sqlx::query!(
        "with past as (delete from consumer_cursor where consumer = $1 and generation < $2)
         insert into consumer_cursor as cursor (consumer, generation, service, shard, position)
         select $1, $2, service, shard, position
         from unnest($3::text[], $4::int2[], $5::int8[]) as moved(service, shard, position)
         on conflict (consumer, generation, service, shard) do update
             set position = greatest(cursor.position, excluded.position)",
        reader.consumer,
        reader.generation,
        &services,
        &shards,
        &positions,
    )
    .execute(conn)
    .await?;
    Ok(())
}
