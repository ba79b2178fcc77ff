//! Messages that are not valid events.

use bloom_fault::Fault;
use bloom_kernel::Timestamp;
use sqlx::PgConnection;

/// Identity of a message: its origin and its consumer. Redeliveries have the same identity.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) consumer: String,
    pub(crate) topic: String,
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    pub(crate) sent_ms: i64,
}

/// A stored message; its content is encrypted.
pub(crate) struct Kept {
    pub(crate) place: Place,
    pub(crate) cause: String,
    pub(crate) attributes: Vec<u8>,
    pub(crate) payload: Option<Vec<u8>>,
    pub(crate) parked_at: Timestamp,
}

/// Stores a message; false when it was stored before.
pub(crate) async fn unreadable_add(conn: &mut PgConnection, kept: &Kept) -> Result<bool, Fault> {
    let done = sqlx::query!(
        "insert into unreadable
             (consumer, topic, partition, message_offset, sent_ms, cause, attributes, payload, parked_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict do nothing",
        kept.place.consumer,
        kept.place.topic,
        kept.place.partition,
        kept.place.offset,
        kept.place.sent_ms,
        kept.cause,
        kept.attributes,
        kept.payload,
        kept.parked_at,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The next message of one consumer or of all. One at a time, because messages may be large.
pub(crate) async fn unreadable_next(
    conn: &mut PgConnection,
    consumer: Option<&str>,
    after: &Place,
) -> Result<Option<Kept>, Fault> {
    let row = sqlx::query!(
        "select consumer, topic, partition, message_offset, sent_ms, cause, attributes, payload, parked_at from unreadable
         where ($1::text is null or consumer = $1)
           and (consumer, topic, partition, message_offset, sent_ms) > ($2, $3, $4, $5, $6)
         order by consumer, topic, partition, message_offset, sent_ms limit 1",
        consumer,
        after.consumer,
        after.topic,
        after.partition,
        after.offset,
        after.sent_ms,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| Kept {
        place: Place {
            consumer: row.consumer,
            topic: row.topic,
            partition: row.partition,
            offset: row.message_offset,
            sent_ms: row.sent_ms,
        },
        cause: row.cause,
        attributes: row.attributes,
        payload: row.payload,
        parked_at: row.parked_at,
    }))
}

/// Deletes one message.
pub(crate) async fn unreadable_remove(conn: &mut PgConnection, place: &Place) -> Result<u64, Fault> {
    let done = sqlx::query!(
        "delete from unreadable
         where consumer = $1 and topic = $2 and partition = $3 and message_offset = $4 and sent_ms = $5",
        place.consumer,
        place.topic,
        place.partition,
        place.offset,
        place.sent_ms,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}

/// Deletes all messages of a consumer.
pub(crate) async fn unreadable_discard(conn: &mut PgConnection, consumer: &str) -> Result<u64, Fault> {
    Ok(sqlx::query!("delete from unreadable where consumer = $1", consumer).execute(conn).await?.rows_affected())
}

/// Number of stored messages of one consumer or of all.
pub(crate) async fn unreadable_count(conn: &mut PgConnection, consumer: Option<&str>) -> Result<i64, Fault> {
    let count =
        sqlx::query_scalar!(r#"select count(*) as "count!" from unreadable where $1::text is null or consumer = $1"#, consumer,);
    Ok(count.fetch_one(conn).await?)
}
