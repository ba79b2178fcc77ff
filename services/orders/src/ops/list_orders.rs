//! Lists and searches orders, newest first.

use bloom_db::seal::blind_index;
use bloom_fault::Fault;
use bloom_kernel::{Limit, OrderId, Timestamp};
use bloom_runtime::RequestContext;
use bloom_web::Reply;
use bloom_web::page::Page;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::read_order::open_personal;
use crate::Orders;
use crate::domain::order::Order;
use crate::domain::status::{FulfilmentStatus, PaymentStatus, Status};
use crate::store::order::{Filter, TimelineEntry, order_get, order_list, plan_with_values, timeline_list};

/// What a list of orders is narrowed to.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OrderQuery {
    /// Orders per page, 1 to 100; 20 when absent.
    #[serde(default)]
    pub limit: Limit,
    /// `next` of the page before.
    #[serde(default)]
    pub cursor: Option<String>,
    /// The number.
    #[serde(default)]
    pub number: Option<String>,
    /// The buyer's e-mail; letter case plays no part. Better sent in the body of `POST /v1/orders/search`.
    #[serde(default)]
    pub email: Option<String>,
    /// The status.
    #[serde(default)]
    pub status: Option<Status>,
    /// What became of the money.
    #[serde(default)]
    pub payment_status: Option<PaymentStatus>,
    /// What became of the goods.
    #[serde(default)]
    pub fulfilment_status: Option<FulfilmentStatus>,
    /// Placed at or after.
    #[serde(default, deserialize_with = "bloom_kernel::moment")]
    pub placed_from: Option<Timestamp>,
    /// Placed before.
    #[serde(default, deserialize_with = "bloom_kernel::moment")]
    pub placed_to: Option<Timestamp>,
}

#[derive(Serialize, Deserialize)]
struct Position(Timestamp, OrderId);

/// A page of orders.
pub async fn list_orders(app: &Orders, call: &RequestContext, query: OrderQuery) -> Result<Reply<Page<Order>>, Fault> {
    let email_index = query.email.as_deref().map(|email| blind_index(&app.host, call.tenant, "email", email));
    // A number that is none belongs to no order.
    let number = query.number.as_deref().map(|text| text.parse::<i64>().unwrap_or(-1));
    let filter = Filter {
        number,
        email_index,
        status: query.status.map(Status::as_str),
        payment_status: query.payment_status.map(PaymentStatus::as_str),
        fulfilment_status: query.fulfilment_status.map(FulfilmentStatus::as_str),
        placed_from: query.placed_from,
        placed_to: query.placed_to,
    };
    let bound = format!("orders:{filter:?}");
    let position = app.cursors.position::<Position>(call.tenant, bound.as_bytes(), query.cursor.as_deref())?;
    let after = position.map(|Position(at, id)| (at, id));
    let mut tx = app.db.write(call).await?;
    plan_with_values(&mut tx).await?;
    let stored = order_list(&mut tx, &filter, after, query.limit.get() + 1).await?;
    let orders = open_personal(app, call, &mut tx, stored).await?;
    let place = |order: &Order| Position(order.placed_at, order.id);
    Ok(Reply::ok(app.cursors.page(call.tenant, bound.as_bytes(), query.limit, orders, place)))
}

/// `limit` and `cursor` of a timeline.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TimelineQuery {
    /// Entries per page, 1 to 100; 20 when absent.
    #[serde(default)]
    pub limit: Limit,
    /// `next` of the page before.
    #[serde(default)]
    pub cursor: Option<String>,
}

/// A page of what happened to an order, first things first.
pub async fn list_timeline(
    app: &Orders,
    call: &RequestContext,
    id: OrderId,
    query: TimelineQuery,
) -> Result<Reply<Page<TimelineEntry>>, Fault> {
    let bound = format!("timeline:{id}");
    let after = app.cursors.position::<i64>(call.tenant, bound.as_bytes(), query.cursor.as_deref())?;
    let mut connection = app.db.read(call.tenant).await?;
    order_get(&mut connection, id).await?.ok_or_else(|| Fault::not_found("order"))?;
    let entries = timeline_list(&mut connection, id, after.unwrap_or_default(), query.limit.get() + 1).await?;
    Ok(Reply::ok(app.cursors.page(call.tenant, bound.as_bytes(), query.limit, entries, |entry| entry.version)))
}
