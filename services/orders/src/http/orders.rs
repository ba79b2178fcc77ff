//! `/v1/orders`: reading, searching, and moving the money of orders.

use aide::axum::ApiRouter;
use aide::axum::routing::{get_with, post_with};
use axum::extract::State;
use bloom_fault::Fault;
use bloom_kernel::OrderId;
use bloom_web::Reply;
use bloom_web::openapi::needs_key;
use bloom_web::page::Page;
use bloom_web::{Caller, IfMatch, Json, Path, Query};

use super::{OrdersRead, OrdersWrite};
use crate::Orders;
use crate::domain::order::Order;
use crate::domain::refund::Refund;
use crate::ops::cancel_order::{OrderCancel, cancel_order};
use crate::ops::capture_payment::{Capture, CaptureCreate, capture_payment};
use crate::ops::list_orders::{OrderQuery, TimelineQuery, list_orders, list_timeline};
use crate::ops::read_order::read_order;
use crate::ops::refund_order::{RefundCreate, refund_order};
use crate::ops::update_order::{OrderPatch, update_order};
use crate::store::order::TimelineEntry;

pub(super) fn routes() -> ApiRouter<Orders> {
    ApiRouter::new()
        .api_route(
            "/v1/orders",
            get_with(order_list, |op| op.id("order_list").tag("orders").summary("List orders, newest first")),
        )
        .api_route(
            "/v1/orders/search",
            post_with(order_search, |op| op.id("order_search").tag("orders").summary("Search orders, by e-mail too")),
        )
        .api_route(
            "/v1/orders/{order_id}",
            get_with(order_get, |op| op.id("order_get").tag("orders").summary("Get an order"))
                .patch_with(order_update, |op| op.id("order_update").tag("orders").summary("Update the metadata of an order")),
        )
        .api_route(
            "/v1/orders/{order_id}/timeline",
            get_with(order_timeline, |op| op.id("order_timeline").tag("orders").summary("List the timeline of an order")),
        )
        .api_route(
            "/v1/orders/{order_id}/cancel",
            post_with(order_cancel, |op| needs_key(op).id("order_cancel").tag("orders").summary("Cancel an order")),
        )
        .api_route(
            "/v1/orders/{order_id}/captures",
            post_with(order_capture, |op| {
                needs_key(op).id("order_capture").tag("orders").summary("Capture the payment of an order, all or a part of it")
            }),
        )
        .api_route(
            "/v1/orders/{order_id}/refunds",
            post_with(order_refund, |op| {
                needs_key(op).id("order_refund").tag("orders").summary("Refund an order, all or a part of it")
            }),
        )
}

async fn order_list(
    State(app): State<Orders>,
    caller: Caller<OrdersRead>,
    Query(query): Query<OrderQuery>,
) -> Result<Reply<Page<Order>>, Fault> {
    list_orders(&app, &caller, query).await
}

async fn order_search(
    State(app): State<Orders>,
    caller: Caller<OrdersRead>,
    Json(query): Json<OrderQuery>,
) -> Result<Reply<Page<Order>>, Fault> {
    list_orders(&app, &caller, query).await
}

async fn order_get(
    State(app): State<Orders>,
    caller: Caller<OrdersRead>,
    Path(id): Path<OrderId>,
) -> Result<Reply<Order>, Fault> {
    read_order(&app, &caller, id).await
}

async fn order_update(
    State(app): State<Orders>,
    caller: Caller<OrdersWrite>,
    if_match: IfMatch,
    Path(id): Path<OrderId>,
    Json(patch): Json<OrderPatch>,
) -> Result<Reply<Order>, Fault> {
    update_order(&app, &caller, id, if_match, patch).await
}

async fn order_timeline(
    State(app): State<Orders>,
    caller: Caller<OrdersRead>,
    Path(id): Path<OrderId>,
    Query(query): Query<TimelineQuery>,
) -> Result<Reply<Page<TimelineEntry>>, Fault> {
    list_timeline(&app, &caller, id, query).await
}

async fn order_cancel(
    State(app): State<Orders>,
    caller: Caller<OrdersWrite>,
    Path(id): Path<OrderId>,
    Json(input): Json<OrderCancel>,
) -> Result<Reply<Order>, Fault> {
    cancel_order(&app, &caller, id, input).await
}

async fn order_capture(
    State(app): State<Orders>,
    caller: Caller<OrdersWrite>,
    Path(id): Path<OrderId>,
    Json(input): Json<CaptureCreate>,
) -> Result<Reply<Capture, 201>, Fault> {
    capture_payment(&app, &caller, id, input).await
}

async fn order_refund(
    State(app): State<Orders>,
    caller: Caller<OrdersWrite>,
    Path(id): Path<OrderId>,
    Json(input): Json<RefundCreate>,
) -> Result<Reply<Refund, 201>, Fault> {
    refund_order(&app, &caller, id, input).await
}
