//! `/v1/orders/settings`: get and update.

use aide::axum::ApiRouter;
use aide::axum::routing::get_with;
use axum::extract::State;
use bloom_db::Begin;
use bloom_events::{Draft, publish};
use bloom_fault::Fault;
use bloom_web::Reply;
use bloom_web::{Caller, IfMatch, Json};

use super::model::{OrderSettings, OrderSettingsUpdate};
use super::store::{settings_get, settings_put};
use crate::Orders;
use crate::permissions::{OrdersRead, OrdersWrite};

pub(crate) fn routes() -> ApiRouter<Orders> {
    ApiRouter::new().api_route(
        "/v1/orders/settings",
        get_with(get, |op| op.id("order_settings_get").tag("orders").summary("Get the order settings"))
            .patch_with(update, |op| op.id("order_settings_update").tag("orders").summary("Update the order settings")),
    )
}

async fn get(State(app): State<Orders>, caller: Caller<OrdersRead>) -> Result<Reply<OrderSettings>, Fault> {
    let settings = settings_get(&mut *app.db.read(caller.tenant).await?).await?;
    let version = settings.version;
    Ok(Reply::ok(settings).etag(version))
}

async fn update(
    State(app): State<Orders>,
    caller: Caller<OrdersWrite>,
    if_match: IfMatch,
    Json(input): Json<OrderSettingsUpdate>,
) -> Result<Reply<OrderSettings>, Fault> {
    let seen = if_match.required()?;
    input.check()?;
    let mut tx = match app.db.begin(&caller, "order_settings_update", &(seen, &input)).await? {
        Begin::Run(tx) => tx,
        Begin::Replay(reply) => return Ok(reply),
    };
    let mut settings = settings_get(&mut tx).await?;
    if_match.check(settings.version)?;
    settings.update(&input);
    if !settings_put(&mut tx, caller.tenant, &settings, app.host.now(caller.tenant)).await? {
        return Err(IfMatch::stale());
    }
    let (aggregate, version) = (caller.tenant.to_string(), settings.version);
    let draft = Draft { kind: "order_settings.updated", aggregate, version, data: &settings, causation: None };
    publish(&mut tx, &app.host, &caller, draft).await?;
    tx.finish(Reply::ok(settings).etag(version)).await
}
