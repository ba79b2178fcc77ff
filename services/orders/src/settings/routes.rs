//! `/v1/orders/settings`: get and update.

use axum::extract::State;
use bloom_events::Publish as _;
use bloom_fault::Fault;
use bloom_web::{Body, Caller, IfMatch, Reply, Routes};

use super::model::{OrderSettings, OrderSettingsUpdate};
use super::store::{settings_get, settings_put};
use crate::{Orders, OrdersRead, OrdersWrite};

pub(crate) fn routes() -> Routes<Orders> {
    Routes::new("/v1/orders/settings").get("order_settings_get", "Get the order settings", get).patch(
        "order_settings_update",
        "Update the order settings",
        update,
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
    Body(input): Body<OrderSettingsUpdate>,
) -> Result<Reply<OrderSettings>, Fault> {
    let seen = if_match.required()?;
    app.db
        .idempotent(caller.operation("order_settings_update", &(seen, &input)), async |tx| {
            let mut settings = settings_get(tx).await?;
            if_match.check(settings.version)?;
            settings.update(input);
            if !settings_put(tx, &settings).await? {
                return Err(IfMatch::stale());
            }
            // One document per tenant, without an id of its own.
            let (kind, tenant) = ("order_settings.updated".to_owned(), tx.tenant().to_string());
            tx.publish_document(kind, tenant, settings.version, &settings);
            let version = settings.version;
            Ok(Reply::ok(settings).etag(version))
        })
        .await
}
