//! `/v1/orders/settings`: how a tenant's orders are handled.

use aide::axum::ApiRouter;
use aide::axum::routing::get_with;
use axum::extract::State;
use bloom_fault::Fault;
use bloom_web::Reply;
use bloom_web::{Caller, IfMatch, Json};

use super::{OrdersRead, OrdersWrite};
use crate::Orders;
use crate::domain::setting::Settings;
use crate::ops::update_settings::{SettingsPatch, read_settings, update_settings};

pub(super) fn routes() -> ApiRouter<Orders> {
    ApiRouter::new().api_route(
        "/v1/orders/settings",
        get_with(settings_get, |op| op.id("order_settings_get").tag("orders").summary("Get the order settings"))
            .patch_with(settings_update, |op| op.id("order_settings_update").tag("orders").summary("Update the order settings")),
    )
}

async fn settings_get(State(app): State<Orders>, caller: Caller<OrdersRead>) -> Result<Reply<Settings>, Fault> {
    read_settings(&app, &caller).await
}

async fn settings_update(
    State(app): State<Orders>,
    caller: Caller<OrdersWrite>,
    if_match: IfMatch,
    Json(patch): Json<SettingsPatch>,
) -> Result<Reply<Settings>, Fault> {
    update_settings(&app, &caller, if_match, patch).await
}
