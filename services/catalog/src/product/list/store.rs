//! SQL of the product list: one statement and one round trip, built from fixed parts because its shape follows the request.
//!
//! Without filters a page is a range of one index of `listing_entry` and as many look-ups in `listing`. With filters the range
//! ends after [`SCAN_MAX`] rows; a row without a document is the last one that was read.

use bloom_db::Db;
use bloom_fault::Fault;
use bloom_kernel::{ChannelId, ProductId, TenantId};
use sqlx::postgres::PgRow;
use sqlx::{Postgres, QueryBuilder, Row as _};
use uuid::Uuid;

use super::query::{Filters, ListPosition, ListShape, SCAN_MAX, SortKey};

/// A row of a page.
#[derive(Debug)]
pub(crate) struct ListRow {
    row: PgRow,
    key: SortKey,
}

impl ListRow {
    /// The finished list item; none for the last row that the filters looked at.
    pub(crate) fn doc(&self) -> sqlx::Result<Option<&str>> {
        self.row.try_get(0)
    }

    /// Its position in the list.
    pub(crate) fn position(&self) -> sqlx::Result<ListPosition> {
        let product = ProductId::from_uuid(self.row.try_get(1)?);
        let mut position = ListPosition { text: None, number: None, product };
        match self.key {
            SortKey::Created => {}
            SortKey::Title => position.text = Some(self.row.try_get(2)?),
            SortKey::Price | SortKey::Position => position.number = Some(self.row.try_get(2)?),
        }
        Ok(position)
    }
}

/// One page after a position. The caller requests one row more than the page holds.
pub(crate) async fn listing_page(
    db: &Db,
    tenant: TenantId,
    channel: ChannelId,
    shape: &ListShape,
    after: Option<&ListPosition>,
    limit: i64,
) -> Result<Vec<ListRow>, Fault> {
    let rows = db.read_once(|connection| {
        let mut query = page_query(tenant, channel, shape, after, limit);
        Box::pin(async move { query.build().fetch_all(connection).await })
    });
    let rows = rows.await?;
    Ok(rows.into_iter().map(|row| ListRow { row, key: shape.order.key() }).collect())
}

/// The statement of a page. It sets the tenant itself and also names it in its conditions. If the policies compared with another
/// tenant, it would find nothing.
pub(crate) fn page_query(
    tenant: TenantId,
    channel: ChannelId,
    shape: &ListShape,
    after: Option<&ListPosition>,
    limit: i64,
) -> QueryBuilder<Postgres> {
    let mut query = QueryBuilder::new("select page.* from (select set_config('bloom.tenant', ");
    query.push_bind(tenant.uuid().to_string()).push(", false)::uuid as id offset 0) tenant, lateral (");
    push_page(&mut query, channel, shape, after, limit);
    query.push(") page");
    query
}

fn push_page(
    query: &mut QueryBuilder<Postgres>,
    channel: ChannelId,
    shape: &ListShape,
    after: Option<&ListPosition>,
    limit: i64,
) {
    let key = shape.order.key();
    if shape.filters.is_empty() {
        // The document is looked up per row, after the limit. A join could get a bad plan.
        query.push(
            "select (select l.doc from listing l where l.tenant_id = e.tenant_id and l.product_id = e.product_id \
             and l.channel_id = e.channel_id), e.product_id",
        );
        query.push(column(key, ", e.")).push(" from listing_entry e");
        push_range(query, channel, shape, after);
        query.push(" limit ").push_bind(limit);
        return;
    }
    query.push(
        "with seen as materialized (select e.tenant_id, e.channel_id, e.state, e.product_id, e.title_key, e.price_key, e.position \
         from listing_entry e",
    );
    push_range(query, channel, shape, after);
    query.push(" limit ").push_bind(SCAN_MAX).push("), hit as (select l.doc, e.product_id").push(column(key, ", e."));
    query.push(
        " from seen e join listing l on l.tenant_id = e.tenant_id and l.product_id = e.product_id and l.channel_id = e.channel_id",
    );
    if shape.filters.of_product() {
        query.push(" join product p on p.tenant_id = e.tenant_id and p.id = e.product_id");
    }
    query.push(" where true");
    push_filters(query, &shape.filters);
    push_order(query, shape);
    query.push(" limit ").push_bind(limit).push("), far as (select null::text, e.product_id").push(column(key, ", e."));
    query.push(" from seen e where (select count(*) from seen) = ").push_bind(SCAN_MAX);
    push_far_order(query, shape);
    query.push(" limit 1) select * from hit union all select * from far");
}

fn column(key: SortKey, before: &str) -> String {
    match name(key) {
        Some(name) => format!("{before}{name}"),
        None => String::new(),
    }
}

fn name(key: SortKey) -> Option<&'static str> {
    match key {
        SortKey::Created => None,
        SortKey::Title => Some("title_key"),
        SortKey::Price => Some("price_key"),
        SortKey::Position => Some("position"),
    }
}

/// Conditions and order that are a range of one index.
fn push_range(query: &mut QueryBuilder<Postgres>, channel: ChannelId, shape: &ListShape, after: Option<&ListPosition>) {
    let key = shape.order.key();
    query.push(" where e.tenant_id = tenant.id and e.channel_id = ").push_bind(channel.uuid());
    query.push(" and e.state = ").push_bind(shape.state as i16);
    query.push(" and e.scope_id = ").push_bind(shape.scope);
    if key == SortKey::Position {
        // The index of positions has no rows without one.
        query.push(" and e.position is not null");
    }
    if key == SortKey::Price {
        push_price(query, &shape.filters);
    }
    if let Some(after) = after {
        let beyond = if shape.order.down() { "<" } else { ">" };
        query.push(format!(" and ({}e.product_id) {beyond} (", name(key).map(|name| format!("e.{name}, ")).unwrap_or_default()));
        match key {
            SortKey::Created => {}
            SortKey::Title => drop(query.push_bind(after.text.clone().unwrap_or_default()).push(", ")),
            SortKey::Price | SortKey::Position => drop(query.push_bind(after.number.unwrap_or_default()).push(", ")),
        }
        query.push_bind(after.product.uuid()).push(")");
    }
    push_order(query, shape);
}

fn push_order(query: &mut QueryBuilder<Postgres>, shape: &ListShape) {
    order_by(query, shape, shape.order.down());
}

/// The reversed order: the farthest row comes first.
fn push_far_order(query: &mut QueryBuilder<Postgres>, shape: &ListShape) {
    order_by(query, shape, !shape.order.down());
}

fn order_by(query: &mut QueryBuilder<Postgres>, shape: &ListShape, down: bool) {
    let direction = if down { " desc" } else { "" };
    let key = name(shape.order.key()).map(|name| format!("e.{name}{direction}, ")).unwrap_or_default();
    query.push(format!(" order by {key}e.product_id{direction}"));
}

fn push_price(query: &mut QueryBuilder<Postgres>, filters: &Filters) {
    if let Some(min) = filters.price_min {
        query.push(" and e.price_key >= ").push_bind(min).push(" and e.price_key < 9223372036854775807");
    }
    if let Some(max) = filters.price_max {
        query.push(" and e.price_key <= ").push_bind(max);
    }
}

fn push_filters(query: &mut QueryBuilder<Postgres>, filters: &Filters) {
    push_price(query, filters);
    if let Some(available) = filters.available {
        query.push(if available { " and l.available > 0" } else { " and l.available = 0" });
    }
    if let Some(since) = filters.updated_since {
        query.push(" and p.updated_at >= ").push_bind(since);
    }
    for (code, value) in &filters.attributes {
        query.push(" and p.attributes ->> ").push_bind(code.clone()).push(" = ").push_bind(value.clone());
    }
    if let Some(category) = filters.category {
        push_category(query, category);
    }
}

fn push_category(query: &mut QueryBuilder<Postgres>, category: Uuid) {
    query.push(
        " and exists (select from listing_entry c where c.tenant_id = e.tenant_id and c.channel_id = e.channel_id \
         and c.state = e.state and c.product_id = e.product_id and c.scope_id = ",
    );
    query.push_bind(category).push(")");
}
