//! `GET /v1/orders/{order_id}/timeline`: what happened to an order.

use axum::extract::State;
use bloom_fault::Fault;
use bloom_kernel::{Limit, OrderId, Timestamp};
use bloom_web::Reply;
use bloom_web::page::Page;
use bloom_web::{Caller, Path, Query};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;

use super::store::order_get;
use crate::Orders;
use crate::permissions::OrdersRead;

/// `limit` and `cursor` of a timeline.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TimelineQuery {
    /// Entries per page, 1 to 100; 20 when absent.
    #[serde(default)]
    limit: Limit,
    /// `next` of the page before.
    #[serde(default)]
    cursor: Option<String>,
}

pub(super) async fn timeline(
    State(app): State<Orders>,
    caller: Caller<OrdersRead>,
    Path(id): Path<OrderId>,
    Query(query): Query<TimelineQuery>,
) -> Result<Reply<Page<TimelineEntry>>, Fault> {
    let bound = format!("timeline:{id}");
    let after = app.cursors.position::<i64>(caller.tenant, bound.as_bytes(), query.cursor.as_deref())?;
    let mut conn = app.db.read(caller.tenant).await?;
    order_get(&mut conn, id).await?.ok_or_else(|| Fault::not_found("order"))?;
    let entries = timeline_list(&mut conn, id, after.unwrap_or_default(), query.limit.get() + 1).await?;
    Ok(Reply::ok(app.cursors.page(caller.tenant, bound.as_bytes(), query.limit, entries, |entry| entry.version)))
}

/// One entry of an order's timeline.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct TimelineEntry {
    /// Version of the order after it.
    pub version: i64,
    /// What happened.
    pub kind: String,
    /// Who did it.
    pub actor: String,
    /// When.
    pub at: Timestamp,
    /// Ids and amounts.
    pub data: serde_json::Value,
}

/// An order's timeline, oldest entry first, after a version.
async fn timeline_list(conn: &mut PgConnection, order: OrderId, after: i64, limit: i64) -> Result<Vec<TimelineEntry>, Fault> {
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
    .fetch_all(conn)
    .await?;
    Ok(rows)
}
