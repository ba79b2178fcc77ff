//! The invariants of orders as queries that find violations, over all tenants. They run as the system role.

use bloom_fault::Fault;
use bloom_kernel::{FulfilmentId, OrderId};
use chrono::TimeDelta;
use futures::TryStreamExt as _;
use sqlx::PgConnection;
use sqlx::types::Json;

use crate::Orders;
use crate::order::Fulfilment;

/// Completed checkouts without their one order, and orders without their completed checkout.
pub async fn purchases_differ(conn: &mut PgConnection) -> sqlx::Result<Vec<String>> {
    let rows = sqlx::query_scalar!(
        r#"select case when orders.id is null then 'checkout ' || checkout.id || ' is completed and has no order'
                       else 'order ' || orders.id || ' has no completed checkout' end as "breach!"
           from (select * from checkout where status = 'completed') checkout
           full join orders on orders.tenant_id = checkout.tenant_id and orders.checkout_id = checkout.id
                           and orders.id = checkout.order_id
           where checkout.id is null or orders.id is null limit 100"#
    )
    .fetch_all(conn)
    .await?;
    Ok(rows)
}

/// Orders whose total is not the sum of their lines and their delivery.
pub async fn totals_differ(conn: &mut PgConnection) -> sqlx::Result<Vec<String>> {
    let rows = sqlx::query_scalar!(
        r#"select document ->> 'id' as "id!" from orders
           where (document #>> '{total,amount}')::bigint <>
                 (select coalesce(sum((line #>> '{total,amount}')::bigint), 0)
                  from jsonb_array_elements(document -> 'lines') line)
                 + coalesce((document #>> '{delivery,total,amount}')::bigint, 0)
           limit 100"#
    )
    .fetch_all(conn)
    .await?;
    Ok(rows)
}

/// Checkouts that are not settled within half a minute of their deadline.
pub async fn checkouts_stuck(app: &Orders, conn: &mut PgConnection) -> Result<Vec<String>, Fault> {
    let latest = app.context.platform_now() - TimeDelta::seconds(30);
    let rows = sqlx::query_scalar!(
        r#"select id::text || ' is ' || status as "breach!" from checkout
           where not settled and deadline < $1 limit 100"#,
        latest,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows)
}

/// Operations that are not settled within a day, and releases and voids that were refused. Inventory may refuse a shipment, payments a
/// capture or a refund.
pub async fn operations_unsettled(app: &Orders, conn: &mut PgConnection) -> Result<Vec<String>, Fault> {
    let latest = app.context.platform_now() - TimeDelta::hours(24);
    let rows = sqlx::query_scalar!(
        r#"select kind || ' ' || id::text || ' is ' || status as "breach!" from operation
           where status = 'running' and created_at < $1 or status = 'failed' and kind in ('release', 'void') limit 100"#,
        latest,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows)
}

/// Orders that ended unshipped and hold money, although no refund is pending or was refused.
pub async fn ended_orders_with_money(conn: &mut PgConnection) -> sqlx::Result<Vec<String>> {
    let rows = sqlx::query_scalar!(
        r#"select document ->> 'id' as "id!" from orders
           where status in ('canceled', 'expired')
               and (document #>> '{payment,captured,amount}')::bigint > (document #>> '{payment,refunded,amount}')::bigint
               and not document @? '$.refunds[*] ? (@.status == "pending" || @.status == "failed")'
           limit 100"#
    )
    .fetch_all(conn)
    .await?;
    Ok(rows)
}

/// Fulfilments that are shipped although inventory refused their last shipment.
pub async fn refused_shipments(conn: &mut PgConnection) -> sqlx::Result<Vec<String>> {
    let mut rows = sqlx::query!(
        r#"select orders.id as "order: OrderId", target_id as "fulfilment!: FulfilmentId",
                  document -> 'fulfilments' as "fulfilments!: Json<Vec<Fulfilment>>"
           from (select distinct on (tenant_id, target_id) tenant_id, order_id, target_id, status from operation
                 where kind = 'ship' and target_id is not null
                 order by tenant_id, target_id, created_at desc, id desc) last
           join orders on orders.tenant_id = last.tenant_id and orders.id = last.order_id
           where last.status = 'failed'
             and document @? '$.fulfilments[*] ? (@.status == "shipped" || @.status == "delivered")'"#
    )
    .fetch(conn);
    let mut breaches = Vec::new();
    // SQL cannot find the fulfilment in the document, which has ids in their public form.
    while let Some(row) = rows.try_next().await? {
        if row.fulfilments.iter().any(|fulfilment| fulfilment.has_left() && fulfilment.id == row.fulfilment) {
            breaches
                .push(format!("fulfilment {} of order {} is shipped although inventory refused it", row.fulfilment, row.order));
        }
        if breaches.len() == 100 {
            break;
        }
    }
    Ok(breaches)
}
