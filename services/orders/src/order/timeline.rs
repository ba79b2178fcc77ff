//! `GET /v1/orders/{order_id}/timeline`: what happened to an order.

use axum::extract::State;
use bloom_fault::Fault;
use bloom_kernel::{OrderId, Timestamp};
use bloom_web::{Caller, List, NoFilter, Page, Path, Reply};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;

use super::store::order_get;
use crate::{Orders, OrdersRead};

pub async fn timeline(
    State(app): State<Orders>,
    caller: Caller<OrdersRead>,
    Path(id): Path<OrderId>,
    List(page): List<NoFilter>,
) -> Result<Reply<Page<TimelineEntry>>, Fault> {
    let mut conn = app.db.read(caller.tenant).await?;
    order_get(&mut conn, id).await?.ok_or_else(|| Fault::not_found("order"))?;
    let entries = timeline_list(&mut conn, id, page.after()?.unwrap_or_default(), page.rows()).await?;
    Ok(page.finish(entries, |entry| entry.version))
}

/// One entry of an order's timeline.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct TimelineEntry {
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
