//! Invariants of this service, checked over all tenants.

use bloom_db::SystemTx;
use bloom_events::{Breach, Check};
use bloom_fault::Fault;
use bloom_kernel::{FulfilmentId, OrderId, Timestamp};
use chrono::TimeDelta;
use futures::TryStreamExt;
use futures::future::BoxFuture;
use sqlx::PgConnection;
use sqlx::types::Json;

use crate::Orders;
use crate::order::Fulfilment;

fn breaches(invariant: &'static str, details: Vec<String>) -> Vec<Breach> {
    details.into_iter().map(|detail| Breach { invariant, detail }).collect()
}

/// A completed checkout has its one order, and an order its completed checkout.
pub(crate) struct OneOrderPerCheckout;

impl Check for OneOrderPerCheckout {
    fn name(&self) -> &'static str {
        "one_order_per_checkout"
    }

    fn breaches<'a>(&'a self, tx: &'a mut SystemTx) -> BoxFuture<'a, Result<Vec<Breach>, Fault>> {
        Box::pin(async move { Ok(breaches(self.name(), purchase_breaches(tx).await?)) })
    }
}

async fn purchase_breaches(conn: &mut PgConnection) -> Result<Vec<String>, Fault> {
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

/// The total of an order is the sum of its lines and its delivery.
pub(crate) struct TotalsAreSums;

impl Check for TotalsAreSums {
    fn name(&self) -> &'static str {
        "order_totals_are_sums"
    }

    fn breaches<'a>(&'a self, tx: &'a mut SystemTx) -> BoxFuture<'a, Result<Vec<Breach>, Fault>> {
        Box::pin(async move { Ok(breaches(self.name(), total_breaches(tx).await?)) })
    }
}

async fn total_breaches(conn: &mut PgConnection) -> Result<Vec<String>, Fault> {
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

/// A checkout is settled within half a minute of its deadline.
pub(crate) struct NoCheckoutStuck(pub(crate) Orders);

impl Check for NoCheckoutStuck {
    fn name(&self) -> &'static str {
        "no_checkout_stuck"
    }

    fn breaches<'a>(&'a self, tx: &'a mut SystemTx) -> BoxFuture<'a, Result<Vec<Breach>, Fault>> {
        let latest = self.0.host.platform_now() - TimeDelta::seconds(30);
        Box::pin(async move { Ok(breaches(self.name(), stuck_checkouts(tx, latest).await?)) })
    }
}

async fn stuck_checkouts(conn: &mut PgConnection, latest: Timestamp) -> Result<Vec<String>, Fault> {
    let rows = sqlx::query_scalar!(
        r#"select id::text || ' is ' || status as "breach!" from checkout
           where not settled and deadline < $1 limit 100"#,
        latest,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows)
}

/// Operations are settled within a day. Releases and voids succeed; inventory may refuse a shipment, and payments a capture or refund.
pub(crate) struct OperationsSettled(pub(crate) Orders);

impl Check for OperationsSettled {
    fn name(&self) -> &'static str {
        "order_operations_settled"
    }

    fn breaches<'a>(&'a self, tx: &'a mut SystemTx) -> BoxFuture<'a, Result<Vec<Breach>, Fault>> {
        let latest = self.0.host.platform_now() - TimeDelta::hours(24);
        Box::pin(async move { Ok(breaches(self.name(), open_operations(tx, latest).await?)) })
    }
}

async fn open_operations(conn: &mut PgConnection, latest: Timestamp) -> Result<Vec<String>, Fault> {
    let rows = sqlx::query_scalar!(
        r#"select kind || ' ' || id::text || ' is ' || status as "breach!" from operation
           where status = 'running' and created_at < $1 or status = 'failed' and kind in ('release', 'void') limit 100"#,
        latest,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows)
}

/// An order that ended unshipped holds no money, unless its refund is pending or was refused.
pub(crate) struct EndedOrdersHoldNothing;

impl Check for EndedOrdersHoldNothing {
    fn name(&self) -> &'static str {
        "ended_orders_hold_nothing"
    }

    fn breaches<'a>(&'a self, tx: &'a mut SystemTx) -> BoxFuture<'a, Result<Vec<Breach>, Fault>> {
        Box::pin(async move { Ok(breaches(self.name(), money_of_ended_orders(tx).await?)) })
    }
}

async fn money_of_ended_orders(conn: &mut PgConnection) -> Result<Vec<String>, Fault> {
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

/// A fulfilment whose last shipment inventory refused is not shipped.
pub(crate) struct RefusedShipmentsStay;

impl Check for RefusedShipmentsStay {
    fn name(&self) -> &'static str {
        "refused_shipments_stay"
    }

    fn breaches<'a>(&'a self, tx: &'a mut SystemTx) -> BoxFuture<'a, Result<Vec<Breach>, Fault>> {
        Box::pin(async move { Ok(breaches(self.name(), refused_shipments(tx).await?)) })
    }
}

async fn refused_shipments(conn: &mut PgConnection) -> Result<Vec<String>, Fault> {
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
