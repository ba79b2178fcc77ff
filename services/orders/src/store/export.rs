//! Present state and invariants, over all tenants.

use bloom_fault::Fault;
use bloom_kernel::{OrderId, TenantId, Timestamp};
use sqlx::PgConnection;

/// One order of an export.
pub struct ExportedOrder {
    /// Whose.
    pub tenant: TenantId,
    /// Which.
    pub id: OrderId,
    /// Its version.
    pub version: i64,
    /// Its document.
    pub document: String,
}

/// Orders of all tenants after a place in the order of tenant and id.
pub async fn order_export(
    connection: &mut PgConnection,
    after: (TenantId, OrderId),
    limit: i64,
) -> Result<Vec<ExportedOrder>, Fault> {
    let rows = sqlx::query_as!(
        ExportedOrder,
        r#"select tenant_id as "tenant: TenantId", id as "id: OrderId", version, document::text as "document!"
           from orders where (tenant_id, id) > ($1, $2) order by tenant_id, id limit $3"#,
        after.0.uuid(),
        after.1.uuid(),
        limit,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows)
}

/// Completed checkouts without their order, and orders whose checkout is not completed.
pub async fn purchase_breaches(connection: &mut PgConnection) -> Result<Vec<String>, Fault> {
    let rows = sqlx::query_scalar!(
        r#"select case when orders.id is null then 'checkout ' || checkout.id || ' is completed and has no order'
                       else 'order ' || orders.id || ' has no completed checkout' end as "breach!"
           from (select * from checkout where status = 'completed') checkout
           full join orders on orders.tenant_id = checkout.tenant_id and orders.checkout_id = checkout.id
                           and orders.id = checkout.order_id
           where checkout.id is null or orders.id is null limit 100"#
    )
    .fetch_all(connection)
    .await?;
    Ok(rows)
}

/// Orders whose total is not the sum of their lines and their delivery.
pub async fn total_breaches(connection: &mut PgConnection) -> Result<Vec<String>, Fault> {
    let rows = sqlx::query_scalar!(
        r#"select document ->> 'id' as "id!" from orders
           where (document #>> '{total,amount}')::bigint <>
                 (select coalesce(sum((line #>> '{total,amount}')::bigint), 0)
                  from jsonb_array_elements(document -> 'lines') line)
                 + coalesce((document #>> '{delivery,total,amount}')::bigint, 0)
           limit 100"#
    )
    .fetch_all(connection)
    .await?;
    Ok(rows)
}

/// Checkouts that have not come to their end by now.
pub async fn stuck_checkouts(connection: &mut PgConnection, latest: Timestamp) -> Result<Vec<String>, Fault> {
    let rows = sqlx::query_scalar!(
        r#"select id::text || ' is ' || status as "breach!" from checkout
           where not settled and deadline < $1 limit 100"#,
        latest,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows)
}

/// Operations that have not come to their end by now, and calls to stock that were refused.
pub async fn open_operations(connection: &mut PgConnection, latest: Timestamp) -> Result<Vec<String>, Fault> {
    let rows = sqlx::query_scalar!(
        r#"select kind || ' ' || id::text || ' is ' || status as "breach!" from operation
           where status = 'running' and created_at < $1 or status = 'failed' and kind in ('ship', 'release', 'void') limit 100"#,
        latest,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows)
}
