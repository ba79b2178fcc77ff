//! Present state and invariants, over all tenants.

use bloom_fault::Fault;
use bloom_kernel::{FulfilmentId, OrderId, TenantId, Timestamp};
use futures::TryStreamExt;
use sqlx::PgConnection;
use sqlx::types::Json;

use crate::domain::fulfilment::{Fulfilment, FulfilmentState};

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

/// Operations that have not come to their end by now, and those refused that nobody may refuse: what is given back or up.
pub async fn open_operations(connection: &mut PgConnection, latest: Timestamp) -> Result<Vec<String>, Fault> {
    let rows = sqlx::query_scalar!(
        r#"select kind || ' ' || id::text || ' is ' || status as "breach!" from operation
           where status = 'running' and created_at < $1 or status = 'failed' and kind in ('release', 'void') limit 100"#,
        latest,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows)
}

/// Orders that ended unshipped, and hold money of which nobody is told that it could not be given back.
pub async fn money_of_ended_orders(connection: &mut PgConnection) -> Result<Vec<String>, Fault> {
    let rows = sqlx::query_scalar!(
        r#"select document ->> 'id' as "id!" from orders
           where status in ('canceled', 'expired')
               and (document #>> '{payment,captured,amount}')::bigint > (document #>> '{payment,refunded,amount}')::bigint
               and not document @? '$.refunds[*] ? (@.status == "pending" || @.status == "failed")'
           limit 100"#
    )
    .fetch_all(connection)
    .await?;
    Ok(rows)
}

/// Parcels that have left although stock's last word on their shipment was a refusal.
pub async fn refused_parcels_gone(connection: &mut PgConnection) -> Result<Vec<String>, Fault> {
    let mut rows = sqlx::query!(
        r#"select orders.id as "order: OrderId", subject as "parcel!: FulfilmentId",
                  document -> 'fulfilments' as "parcels!: Json<Vec<Fulfilment>>"
           from (select distinct on (tenant_id, subject) tenant_id, order_id, subject, status from operation
                 where kind = 'ship' and subject is not null
                 order by tenant_id, subject, created_at desc, id desc) last
           join orders on orders.tenant_id = last.tenant_id and orders.id = last.order_id
           where last.status = 'failed'
             and document @? '$.fulfilments[*] ? (@.status == "shipped" || @.status == "delivered")'"#
    )
    .fetch(connection);
    let mut breaches = Vec::new();
    // Which of the order's parcels it is cannot be asked in SQL: the document spells ids in their public form.
    while let Some(row) = rows.try_next().await? {
        let gone = |parcel: &Fulfilment| match parcel.status {
            FulfilmentState::Shipped | FulfilmentState::Delivered => parcel.id == row.parcel,
            FulfilmentState::Open | FulfilmentState::Canceled => false,
        };
        if row.parcels.iter().any(gone) {
            breaches.push(format!("fulfilment {} of order {} has left although stock refused it", row.parcel, row.order));
        }
        if breaches.len() == 100 {
            break;
        }
    }
    Ok(breaches)
}
