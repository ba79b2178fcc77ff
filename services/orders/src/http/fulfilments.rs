//! `/v1/orders/{id}/fulfilments`: parcels.

use aide::axum::ApiRouter;
use aide::axum::routing::post_with;
use axum::extract::State;
use bloom_fault::Fault;
use bloom_kernel::{FulfilmentId, OrderId};
use bloom_web::Reply;
use bloom_web::{Caller, Json, Path};

use super::OrdersWrite;
use crate::Orders;
use crate::domain::fulfilment::Fulfilment;
use crate::ops::fulfil_order::{
    FulfilmentCreate, FulfilmentShip, cancel_fulfilment, create_fulfilment, deliver_fulfilment, ship_fulfilment,
};

pub(super) fn routes() -> ApiRouter<Orders> {
    ApiRouter::new()
        .api_route(
            "/v1/orders/{order_id}/fulfilments",
            post_with(fulfilment_create, |op| {
                op.id("fulfilment_create").tag("fulfilments").summary("Create a fulfilment; with tracking it ships at once")
            }),
        )
        .api_route(
            "/v1/orders/{order_id}/fulfilments/{fulfilment_id}/ship",
            post_with(fulfilment_ship, |op| op.id("fulfilment_ship").tag("fulfilments").summary("Ship a fulfilment")),
        )
        .api_route(
            "/v1/orders/{order_id}/fulfilments/{fulfilment_id}/deliver",
            post_with(fulfilment_deliver, |op| {
                op.id("fulfilment_deliver").tag("fulfilments").summary("Mark a fulfilment as delivered")
            }),
        )
        .api_route(
            "/v1/orders/{order_id}/fulfilments/{fulfilment_id}/cancel",
            post_with(fulfilment_cancel, |op| {
                op.id("fulfilment_cancel").tag("fulfilments").summary("Cancel a fulfilment that has not shipped")
            }),
        )
}

async fn fulfilment_create(
    State(app): State<Orders>,
    caller: Caller<OrdersWrite>,
    Path(id): Path<OrderId>,
    Json(input): Json<FulfilmentCreate>,
) -> Result<Reply<Fulfilment, 201>, Fault> {
    create_fulfilment(&app, &caller, id, input).await
}

async fn fulfilment_ship(
    State(app): State<Orders>,
    caller: Caller<OrdersWrite>,
    Path((id, parcel)): Path<(OrderId, FulfilmentId)>,
    Json(input): Json<FulfilmentShip>,
) -> Result<Reply<Fulfilment>, Fault> {
    ship_fulfilment(&app, &caller, id, parcel, input).await
}

async fn fulfilment_deliver(
    State(app): State<Orders>,
    caller: Caller<OrdersWrite>,
    Path((id, parcel)): Path<(OrderId, FulfilmentId)>,
) -> Result<Reply<Fulfilment>, Fault> {
    deliver_fulfilment(&app, &caller, id, parcel).await
}

async fn fulfilment_cancel(
    State(app): State<Orders>,
    caller: Caller<OrdersWrite>,
    Path((id, parcel)): Path<(OrderId, FulfilmentId)>,
) -> Result<Reply<Fulfilment>, Fault> {
    cancel_fulfilment(&app, &caller, id, parcel).await
}
