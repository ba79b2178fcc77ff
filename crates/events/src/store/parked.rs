//! Events that could not be applied, in one queue per aggregate.

use bloom_db::TenantTx;
use bloom_fault::Fault;
use bloom_kernel::{TenantId, Timestamp};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::envelope::Envelope;

/// One queue of parked events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Queue {
    pub(crate) tenant: TenantId,
    pub(crate) service: String,
    pub(crate) aggregate: String,
}

/// Appends events to their aggregates' queues. The cause is stored with the first event of a new queue.
pub(crate) async fn parked_add(
    tx: &mut TenantTx,
    consumer: &str,
    events: &[&Envelope],
    cause: Option<(&str, i32, bool)>,
    now: Timestamp,
) -> Result<(), Fault> {
    let services: Vec<String> = events.iter().map(|event| event.service.clone()).collect();
    let aggregates: Vec<String> = events.iter().map(|event| event.aggregate.clone()).collect();
    let ids: Vec<Uuid> = events.iter().map(|event| event.id.uuid()).collect();
    let texts = events.iter().map(serde_json::to_string).collect::<Result<Vec<_>, _>>().map_err(Fault::internal)?;
    let tenant = tx.tenant().uuid();
    sqlx::query!(
        "insert into parked (tenant_id, consumer, service, aggregate, event_id, envelope, cause, attempts, transient, parked_at)
         select $1, $2, service, aggregate, id, envelope, $3, $4, $5, $6
         from unnest($7::text[], $8::text[], $9::uuid[], $10::text[]) with ordinality as event(service, aggregate, id, envelope, place)
         order by place",
        tenant,
        consumer,
        cause.map(|(text, ..)| text),
        cause.map_or(0, |(_, attempts, _)| attempts),
        cause.is_some_and(|(.., transient)| transient),
        now,
        &services,
        &aggregates,
        &ids,
        &texts,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// A parked event with its place in the queue.
pub(crate) struct Waiting {
    pub(crate) seq: i64,
    pub(crate) envelope: Envelope,
}

/// The first events of a queue, locked against a concurrent redrive.
pub(crate) async fn parked_head(tx: &mut TenantTx, consumer: &str, queue: &Queue, limit: i64) -> Result<Vec<Waiting>, Fault> {
    let rows = sqlx::query!(
        "select seq, envelope from parked where consumer = $1 and service = $2 and aggregate = $3
         order by seq limit $4 for update",
        consumer,
        queue.service,
        queue.aggregate,
        limit,
    )
    .fetch_all(&mut **tx)
    .await?;
    rows.into_iter()
        .map(|row| {
            let envelope = serde_json::from_str(&row.envelope).map_err(Fault::internal)?;
            Ok(Waiting { seq: row.seq, envelope })
        })
        .collect()
}

/// Removes events from a queue.
pub(crate) async fn parked_remove(tx: &mut TenantTx, consumer: &str, queue: &Queue, through: i64) -> Result<u64, Fault> {
    let done = sqlx::query!(
        "delete from parked where consumer = $1 and service = $2 and aggregate = $3 and seq <= $4",
        consumer,
        queue.service,
        queue.aggregate,
        through,
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected())
}

/// Records that the first event of a queue failed again.
pub(crate) async fn parked_failed(
    tx: &mut TenantTx,
    consumer: &str,
    queue: &Queue,
    cause: &str,
    transient: bool,
) -> Result<(), Fault> {
    sqlx::query!(
        "update parked set cause = $4, transient = $5, attempts = attempts + 1
         where consumer = $1 and service = $2 and aggregate = $3 and seq =
             (select min(seq) from parked where consumer = $1 and service = $2 and aggregate = $3)",
        consumer,
        queue.service,
        queue.aggregate,
        cause,
        transient,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Queues of a consumer, oldest first. With `transient`, only those that a retry may clear: the first event failed with
/// a transient fault, or it was removed while its followers were being added.
pub(crate) async fn parked_queues(
    conn: &mut PgConnection,
    consumer: &str,
    tenant: Option<TenantId>,
    aggregate: Option<&str>,
    transient: bool,
) -> Result<Vec<Queue>, Fault> {
    let rows = sqlx::query!(
        "select tenant_id, service, aggregate from parked
         where consumer = $1 and ($2::uuid is null or tenant_id = $2) and ($3::text is null or aggregate = $3)
         group by tenant_id, service, aggregate having bool_or(transient) or bool_and(cause is null) or not $4
         order by min(seq) limit 10000",
        consumer,
        tenant.map(TenantId::uuid),
        aggregate,
        transient,
    )
    .fetch_all(conn)
    .await?;
    let queues = rows.into_iter().map(|row| Queue {
        tenant: TenantId::from_uuid(row.tenant_id),
        service: row.service,
        aggregate: row.aggregate,
    });
    Ok(queues.collect())
}

/// A parked event as shown to operators.
pub(crate) struct Listed {
    pub(crate) consumer: String,
    pub(crate) tenant_id: Uuid,
    pub(crate) service: String,
    pub(crate) aggregate: String,
    pub(crate) event_id: Uuid,
    pub(crate) envelope: String,
    pub(crate) cause: Option<String>,
    pub(crate) attempts: i32,
    pub(crate) parked_at: Timestamp,
}

/// The oldest parked events of one consumer or of all.
pub(crate) async fn parked_list(conn: &mut PgConnection, consumer: Option<&str>, limit: i64) -> Result<Vec<Listed>, Fault> {
    Ok(sqlx::query_as!(
        Listed,
        "select consumer, tenant_id, service, aggregate, event_id, envelope, cause, attempts, parked_at
         from parked where $1::text is null or consumer = $1 order by seq limit $2",
        consumer,
        limit,
    )
    .fetch_all(conn)
    .await?)
}

/// Number of a consumer's parked events.
pub(crate) async fn parked_count(conn: &mut PgConnection, consumer: &str) -> Result<i64, Fault> {
    Ok(sqlx::query_scalar!(r#"select count(*) as "count!" from parked where consumer = $1"#, consumer).fetch_one(conn).await?)
}
