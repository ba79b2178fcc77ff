//! Orders and their timelines.

use bloom_db::WriteOnce;
use bloom_db::seal::SubjectKey;
use bloom_db::{TenantTx, write_once};
use bloom_fault::Fault;
use bloom_kernel::{CheckoutId, OrderId, SubjectId, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::checkout::Checkout;
use crate::domain::order::Order;
use crate::domain::status::Status;

/// An order as it is stored: personal data still sealed.
pub struct Stored {
    /// Everything that is not personal.
    pub order: Order,
    /// Sealed personal data.
    pub personal: Option<Vec<u8>>,
}

/// The document that is stored and published.
pub fn document(order: &Order) -> Result<Box<RawValue>, Fault> {
    serde_json::value::to_raw_value(&order.public()).map_err(Fault::internal)
}

fn parse(document: &str) -> Result<Order, Fault> {
    serde_json::from_str(document).map_err(Fault::internal)
}

/// What happened, for the timeline.
pub struct Entry<'a> {
    /// In a word: `placed`, `shipped`, …
    pub kind: &'static str,
    /// By whom.
    pub actor: &'a str,
    /// Ids and amounts; nothing personal.
    pub data: serde_json::Value,
}

/// What an order is stored with beside its document.
pub struct Sealed {
    /// Key of the personal data.
    pub key: SubjectKey,
    /// Sealed personal data.
    pub personal: Vec<u8>,
    /// Keyed digest of the e-mail.
    pub email_index: Option<Vec<u8>>,
}

/// Stores a new order and completes its checkout, which from here on cannot fail; false when that has changed, may not become
/// an order any more, or not in time. The first entry of the order's timeline is the order itself.
pub async fn order_place(
    write: WriteOnce<'_>,
    order: &Order,
    number: i64,
    checkout: &Checkout,
    sealed: &Sealed,
    document: &RawValue,
) -> Result<bool, sqlx::Error> {
    let placed = write_once!(
        write,
        "completed as (
             update checkout
             set status = 'completed', buying = cart_id, action = null, instructions = null, confirmed = $6, version = $5,
                 updated_at = $7
             where tenant_id = $1 and id = $4 and version = $5::bigint - 1 and deadline > $7
                 and status in ('processing', 'payment_pending', 'action_required')
             returning id
         ), key as (
             insert into subject_key (tenant_id, subject_id, wrapped, created_at) select $1, $14, $18, $7 from completed
         ), changed as (
             insert into orders (tenant_id, id, number, status, payment_status, fulfilment_status, checkout_id, payment_id,
                                 subject_id, personal, email_index, document, version, placed_at, updated_at)
             select $1, $8, $9, $10, $11, $12, completed.id, $13, $14, $15, $16, $17::text::jsonb, $19, $7, $7
             from completed
             returning version as answer
         )",
        order.checkout_id.uuid(),
        checkout.version,
        order.status == Status::Confirmed,
        order.placed_at,
        order.id.uuid(),
        number,
        order.status.as_str(),
        order.payment_status.as_str(),
        order.fulfilment_status.as_str(),
        order.payment.as_ref().map(|payment| payment.id.uuid()),
        order.subject_id.uuid(),
        sealed.personal,
        sealed.email_index,
        document.get(),
        sealed.key.to_store(),
        order.version,
    )?;
    Ok(placed.is_some())
}

/// Replaces an order under its row lock, with an entry of its timeline.
pub async fn order_update(
    connection: &mut PgConnection,
    order: &Order,
    document: &RawValue,
    entry: &Entry<'_>,
) -> Result<(), Fault> {
    sqlx::query!(
        "with changed as (
             update orders
             set status = $2, payment_status = $3, fulfilment_status = $4, document = $5::text::jsonb, version = $6,
                 updated_at = $7
             where id = $1
             returning tenant_id, id, version, updated_at)
         insert into timeline (tenant_id, order_id, version, kind, actor, at, data)
         select tenant_id, id, version, $8, $9, updated_at, $10 from changed",
        order.id.uuid(),
        order.status.as_str(),
        order.payment_status.as_str(),
        order.fulfilment_status.as_str(),
        document.get(),
        order.version,
        order.updated_at,
        entry.kind,
        entry.actor,
        entry.data,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// An order under its row lock, and whether everything that its purchase began is done.
pub async fn order_lock(connection: &mut PgConnection, id: OrderId) -> Result<Option<(Order, bool)>, Fault> {
    let row = sqlx::query!(
        r#"select orders.document::text as "document!", checkout.settled
           from orders join checkout on checkout.tenant_id = orders.tenant_id and checkout.id = orders.checkout_id
           where orders.id = $1 for update of orders"#,
        id.uuid(),
    )
    .fetch_optional(connection)
    .await?;
    row.map(|row| Ok((parse(&row.document)?, row.settled))).transpose()
}

/// An order.
pub async fn order_get(connection: &mut PgConnection, id: OrderId) -> Result<Option<Stored>, Fault> {
    let row = sqlx::query!(r#"select document::text as "document!", personal from orders where id = $1"#, id.uuid())
        .fetch_optional(connection)
        .await?;
    row.map(|row| Ok(Stored { order: parse(&row.document)?, personal: row.personal })).transpose()
}

/// The orders of these checkouts that know less of their payment than this, under their row locks, in the order of their
/// ids.
pub async fn order_lock_of(connection: &mut PgConnection, payments: &[(CheckoutId, i64)]) -> Result<Vec<Order>, Fault> {
    let ids: Vec<Uuid> = payments.iter().map(|(id, _)| id.uuid()).collect();
    let versions: Vec<i64> = payments.iter().map(|(_, version)| *version).collect();
    let documents = sqlx::query_scalar!(
        r#"select document::text as "document!"
           from orders join unnest($1::uuid[], $2::int8[]) as told(checkout, told_version) on checkout_id = checkout
           where checkout_id = any($1) and (document #>> '{payment,version}')::bigint < told_version
           order by id for update of orders"#,
        &ids,
        &versions,
    )
    .fetch_all(connection)
    .await?;
    documents.iter().map(|document| parse(document)).collect()
}

/// What a list of orders is narrowed to; every part is optional.
#[derive(Debug, Default)]
pub struct Filter {
    /// The number.
    pub number: Option<i64>,
    /// Keyed digest of the e-mail.
    pub email_index: Option<Vec<u8>>,
    /// The status.
    pub status: Option<&'static str>,
    /// The derived payment status.
    pub payment_status: Option<&'static str>,
    /// The derived fulfilment status.
    pub fulfilment_status: Option<&'static str>,
    /// Placed at or after.
    pub placed_from: Option<Timestamp>,
    /// Placed before.
    pub placed_to: Option<Timestamp>,
}

/// Plans the statements of this transaction with their values: a list that may be narrowed by any of its filters finds
/// their indexes only that way.
pub async fn plan_with_values(tx: &mut TenantTx) -> Result<(), Fault> {
    sqlx::query_scalar!("select set_config('plan_cache_mode', 'force_custom_plan', true)").fetch_one(&mut **tx).await?;
    Ok(())
}

/// Orders, newest first, behind a place in that order.
pub async fn order_list(
    connection: &mut PgConnection,
    filter: &Filter,
    after: Option<(Timestamp, OrderId)>,
    limit: i64,
) -> Result<Vec<Stored>, Fault> {
    let rows = sqlx::query!(
        r#"select document::text as "document!", personal from orders
           where ($1::bigint is null or number = $1)
             and ($2::bytea is null or email_index = $2)
             and ($3::text is null or status = $3)
             and ($4::text is null or payment_status = $4)
             and ($5::text is null or fulfilment_status = $5)
             and ($6::timestamptz is null or placed_at >= $6)
             and ($7::timestamptz is null or placed_at < $7)
             and ($8::timestamptz is null or (placed_at, id) < ($8, $9::uuid))
           order by placed_at desc, id desc limit $10"#,
        filter.number,
        filter.email_index,
        filter.status,
        filter.payment_status,
        filter.fulfilment_status,
        filter.placed_from,
        filter.placed_to,
        after.map(|(at, _)| at),
        after.map(|(_, id)| id.uuid()),
        limit,
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(|row| Ok(Stored { order: parse(&row.document)?, personal: row.personal })).collect()
}

/// One thing that happened to an order.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct TimelineEntry {
    /// Version of the order after it.
    pub version: i64,
    /// In a word.
    pub kind: String,
    /// By whom.
    pub actor: String,
    /// When.
    pub at: Timestamp,
    /// Ids and amounts.
    pub data: serde_json::Value,
}

/// What happened to an order, first things first, behind a version.
pub async fn timeline_list(
    connection: &mut PgConnection,
    order: OrderId,
    after: i64,
    limit: i64,
) -> Result<Vec<TimelineEntry>, Fault> {
    let rows = sqlx::query_as!(
        TimelineEntry,
        r#"select 1::bigint as "version!", 'placed' as "kind!", actor as "actor!", placed_at as "at!", '{}'::jsonb as "data!"
           from orders join checkout on checkout.tenant_id = orders.tenant_id and checkout.id = orders.checkout_id
           where orders.id = $1 and $2::bigint < 1
           union all
           select version, kind, actor, at, data from timeline where order_id = $1 and version > $2
           order by 1 limit $3"#,
        order.uuid(),
        after,
        limit,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows)
}

/// Name of the sealed column.
pub const PERSONAL: &str = "orders.personal";

/// Whose personal data an order holds.
pub fn subject(stored: &Stored) -> Option<(SubjectId, &'static str, &[u8])> {
    stored.personal.as_deref().map(|sealed| (stored.order.subject_id, PERSONAL, sealed))
}
