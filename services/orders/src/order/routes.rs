//! `/v1/orders`: list, search, get and update; the operations with a decision have files of their own.

use aide::axum::ApiRouter;
use aide::axum::routing::{get_with, post_with};
use axum::extract::State;
use bloom_db::Begin;
use bloom_db::seal::blind_index;
use bloom_fault::{Fault, refuse_card_numbers};
use bloom_kernel::{Limit, OrderId, Timestamp};
use bloom_runtime::RequestContext;
use bloom_web::Reply;
use bloom_web::openapi::needs_key;
use bloom_web::page::Page;
use bloom_web::{Caller, IfMatch, Json, Path, Query};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::model::{FulfilmentStatus, Order, OrderPaymentStatus, OrderStatus, OrderUpdate};
use super::read::{open_personal, reply_with_order};
use super::save::{Change, lock_order, save};
use super::store::{OrderFilter, order_list, plan_with_values};
use super::{cancel, capture, fulfil, refund, timeline};
use crate::Orders;
use crate::permissions::{OrdersRead, OrdersWrite};

pub(crate) fn routes() -> ApiRouter<Orders> {
    ApiRouter::new()
        .api_route("/v1/orders", get_with(list, |op| op.id("order_list").tag("orders").summary("List orders, newest first")))
        .api_route(
            "/v1/orders/search",
            post_with(search, |op| op.id("order_search").tag("orders").summary("Search orders, by e-mail too")),
        )
        .api_route(
            "/v1/orders/{order_id}",
            get_with(get, |op| op.id("order_get").tag("orders").summary("Get an order"))
                .patch_with(update, |op| op.id("order_update").tag("orders").summary("Update the metadata of an order")),
        )
        .api_route(
            "/v1/orders/{order_id}/timeline",
            get_with(timeline::timeline, |op| op.id("order_timeline").tag("orders").summary("List the timeline of an order")),
        )
        .api_route(
            "/v1/orders/{order_id}/cancel",
            post_with(cancel::cancel, |op| needs_key(op).id("order_cancel").tag("orders").summary("Cancel an order")),
        )
        .api_route(
            "/v1/orders/{order_id}/captures",
            post_with(capture::capture, |op| {
                needs_key(op).id("order_capture").tag("orders").summary("Capture the payment of an order, all or a part of it")
            }),
        )
        .api_route(
            "/v1/orders/{order_id}/refunds",
            post_with(refund::refund, |op| {
                needs_key(op).id("order_refund").tag("orders").summary("Refund an order, all or a part of it")
            }),
        )
        .merge(fulfil::routes())
}

/// Filter and page of a list of orders.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct OrderQuery {
    /// Orders per page, 1 to 100; 20 when absent.
    #[serde(default)]
    limit: Limit,
    /// `next` of the page before.
    #[serde(default)]
    cursor: Option<String>,
    /// The number.
    #[serde(default)]
    number: Option<String>,
    /// The buyer's e-mail address, in any letter case. Better sent in the body of `POST /v1/orders/search`.
    #[serde(default)]
    email: Option<String>,
    /// The status.
    #[serde(default)]
    status: Option<OrderStatus>,
    /// The status of the payment.
    #[serde(default)]
    payment_status: Option<OrderPaymentStatus>,
    /// The status of the goods.
    #[serde(default)]
    fulfilment_status: Option<FulfilmentStatus>,
    /// Placed at or after.
    #[serde(default, deserialize_with = "bloom_kernel::moment")]
    placed_from: Option<Timestamp>,
    /// Placed before.
    #[serde(default, deserialize_with = "bloom_kernel::moment")]
    placed_to: Option<Timestamp>,
}

#[derive(Serialize, Deserialize)]
struct Position(Timestamp, OrderId);

async fn list(
    State(app): State<Orders>,
    caller: Caller<OrdersRead>,
    Query(query): Query<OrderQuery>,
) -> Result<Reply<Page<Order>>, Fault> {
    find(&app, &caller, query).await
}

async fn search(
    State(app): State<Orders>,
    caller: Caller<OrdersRead>,
    Json(query): Json<OrderQuery>,
) -> Result<Reply<Page<Order>>, Fault> {
    find(&app, &caller, query).await
}

async fn find(app: &Orders, call: &RequestContext, query: OrderQuery) -> Result<Reply<Page<Order>>, Fault> {
    let email_index = query.email.as_deref().map(|email| blind_index(&app.host, call.tenant, "email", email));
    // Text that is not a number matches no order.
    let number = query.number.as_deref().map(|text| text.parse::<i64>().unwrap_or(-1));
    let filter = OrderFilter {
        number,
        email_index,
        status: query.status.map(OrderStatus::as_str),
        payment_status: query.payment_status.map(OrderPaymentStatus::as_str),
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
    let position = |order: &Order| Position(order.placed_at, order.id);
    Ok(Reply::ok(app.cursors.page(call.tenant, bound.as_bytes(), query.limit, orders, position)))
}

async fn get(State(app): State<Orders>, caller: Caller<OrdersRead>, Path(id): Path<OrderId>) -> Result<Reply<Order>, Fault> {
    reply_with_order(&app, &caller, id).await
}

/// What was done, for a repeat of the request.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Receipt {
    order_id: OrderId,
}

async fn update(
    State(app): State<Orders>,
    caller: Caller<OrdersWrite>,
    if_match: IfMatch,
    Path(id): Path<OrderId>,
    Json(input): Json<OrderUpdate>,
) -> Result<Reply<Order>, Fault> {
    let seen = if_match.required()?;
    refuse_card_numbers(input.metadata.pairs())?;
    let mut tx = match app.db.begin::<bloom_web::Reply<Receipt, 200>>(&caller, "order_update", &(id, seen, &input)).await? {
        Begin::Run(tx) => tx,
        Begin::Replay(_) => return reply_with_order(&app, &caller, id).await.map(Reply::repeated),
    };
    let mut order = lock_order(&mut tx, id).await?;
    if_match.check(order.version)?;
    order.metadata.merge(input.metadata)?;
    save(&app, &caller, &mut tx, &mut order, Change::new("metadata_changed")).await?;
    tx.finish(Reply::ok(Receipt { order_id: id })).await?;
    reply_with_order(&app, &caller, id).await
}
