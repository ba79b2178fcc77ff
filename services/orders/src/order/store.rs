//! SQL of orders.

use bloom_db::TenantTx;
use bloom_events::ExportPage;
use bloom_fault::Fault;
use bloom_kernel::{Aggregate, CheckoutId, OrderId, SubjectId, TenantId, Timestamp};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use sqlx::PgConnection;
use uuid::Uuid;

use super::model::Order;

/// An order as it is stored, its personal data sealed.
pub struct StoredOrder {
    /// Everything that is not personal.
    pub order: Order,
    /// Sealed personal data.
    pub personal: Option<Vec<u8>>,
}

/// The document of an order that is stored, published and exported: the order without personal data.
#[derive(Debug)]
pub struct OrderDocument {
    id: OrderId,
    version: i64,
    json: Box<RawValue>,
}

impl OrderDocument {
    /// The document of an order.
    pub fn new(order: &Order) -> Result<Self, Fault> {
        let json = serde_json::value::to_raw_value(&order.public()).map_err(Fault::internal)?;
        Ok(Self { id: order.id, version: order.version, json })
    }

    /// Its JSON text.
    pub fn get(&self) -> &str {
        self.json.get()
    }
}

impl Serialize for OrderDocument {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.json.serialize(serializer)
    }
}

impl Aggregate for OrderDocument {
    const NOUN: &'static str = "order";
    type Id = OrderId;

    fn id(&self) -> OrderId {
        self.id
    }

    fn version(&self) -> i64 {
        self.version
    }
}

fn parse(document: &str) -> Result<Order, Fault> {
    serde_json::from_str(document).map_err(Fault::internal)
}

/// A new entry of the timeline.
pub struct Entry<'a> {
    /// What happened: `placed`, `shipped`, …
    pub kind: &'static str,
    /// Who did it.
    pub actor: &'a str,
    /// Ids and amounts; nothing personal.
    pub data: serde_json::Value,
}

/// Replaces an order whose row is locked, and adds an entry to its timeline.
pub async fn order_update(
    conn: &mut PgConnection,
    order: &Order,
    document: &OrderDocument,
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
    .execute(conn)
    .await?;
    Ok(())
}

/// Locks an order's row; answers the order, and whether its checkout is settled.
pub async fn order_lock(conn: &mut PgConnection, id: OrderId) -> Result<Option<(Order, bool)>, Fault> {
    let row = sqlx::query!(
        r#"select orders.document::text as "document!", checkout.settled
           from orders join checkout on checkout.tenant_id = orders.tenant_id and checkout.id = orders.checkout_id
           where orders.id = $1 for update of orders"#,
        id.uuid(),
    )
    .fetch_optional(conn)
    .await?;
    row.map(|row| Ok((parse(&row.document)?, row.settled))).transpose()
}

/// An order.
pub async fn order_get(conn: &mut PgConnection, id: OrderId) -> Result<Option<StoredOrder>, Fault> {
    let row = sqlx::query!(r#"select document::text as "document!", personal from orders where id = $1"#, id.uuid())
        .fetch_optional(conn)
        .await?;
    row.map(|row| Ok(StoredOrder { order: parse(&row.document)?, personal: row.personal })).transpose()
}

/// Locks the orders of these checkouts whose payment is older than the given version, in the order of their ids.
pub async fn orders_lock_by_checkout(conn: &mut PgConnection, payments: &[(CheckoutId, i64)]) -> Result<Vec<Order>, Fault> {
    let ids: Vec<Uuid> = payments.iter().map(|(id, _)| id.uuid()).collect();
    let versions: Vec<i64> = payments.iter().map(|(_, version)| *version).collect();
    let documents = sqlx::query_scalar!(
        r#"select document::text as "document!"
           from orders join unnest($1::uuid[], $2::int8[]) as newer(checkout, payment_version) on checkout_id = checkout
           where checkout_id = any($1) and (document #>> '{payment,version}')::bigint < payment_version
           order by id for update of orders"#,
        &ids,
        &versions,
    )
    .fetch_all(conn)
    .await?;
    documents.iter().map(|document| parse(document)).collect()
}

/// The filter of a list of orders.
#[derive(Debug, Default)]
pub struct OrderFilter {
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

/// Makes PostgreSQL plan the statements of this transaction with their values. Otherwise a list with optional filters does not use
/// its indexes.
pub async fn plan_with_values(tx: &mut TenantTx) -> Result<(), Fault> {
    sqlx::query_scalar!("select set_config('plan_cache_mode', 'force_custom_plan', true)").fetch_one(&mut **tx).await?;
    Ok(())
}

/// Orders, newest first, after a position in that order.
pub async fn order_list(
    conn: &mut PgConnection,
    filter: &OrderFilter,
    after: Option<(Timestamp, OrderId)>,
    limit: i64,
) -> Result<Vec<StoredOrder>, Fault> {
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
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(|row| Ok(StoredOrder { order: parse(&row.document)?, personal: row.personal })).collect()
}

/// Name of the sealed column.
pub const PERSONAL: &str = "orders.personal";

/// The sealed personal data of an order and whose they are.
pub fn sealed_personal(stored: &StoredOrder) -> Option<(SubjectId, &'static str, &[u8])> {
    stored.personal.as_deref().map(|sealed| (stored.order.subject_id, PERSONAL, sealed))
}

/// Orders of all tenants, for the export.
pub async fn order_export(conn: &mut PgConnection, page: ExportPage<OrderId>) -> sqlx::Result<Vec<(TenantId, OrderDocument)>> {
    let (tenant, id) = page.position();
    let rows = sqlx::query!(
        r#"select tenant_id as "tenant: TenantId", id as "id: OrderId", version, document::text as "document!"
           from orders where (tenant_id, id) > ($1, $2) order by tenant_id, id limit $3"#,
        tenant,
        id,
        page.limit,
    )
    .fetch_all(conn)
    .await?;
    let documents = rows.into_iter().map(|row| {
        let json = RawValue::from_string(row.document).map_err(|error| sqlx::Error::Decode(error.into()))?;
        Ok((row.tenant, OrderDocument { id: row.id, version: row.version, json }))
    });
    documents.collect()
}
