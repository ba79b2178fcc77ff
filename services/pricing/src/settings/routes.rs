//! `/v1/pricing/settings`

use aide::axum::ApiRouter;
use aide::axum::routing::get_with;
use axum::extract::State;
use bloom_fault::Fault;
use bloom_runtime::http::{Caller, IfMatch, Json};
use bloom_runtime::{Begin, Reply};

use super::model::{PricingSettings, PricingSettingsUpdate};
use super::store::{settings_get, settings_put};
use super::tax_change::tax_change_begin;
use crate::Pricing;
use crate::events::publish_event;
use crate::permissions::{PricingRead, PricingWrite};

pub(crate) fn routes() -> ApiRouter<Pricing> {
    ApiRouter::new().api_route(
        "/v1/pricing/settings",
        get_with(get, |op| op.id("pricing_settings_get").tag("pricing").summary("Get the pricing settings"))
            .patch_with(update, |op| op.id("pricing_settings_update").tag("pricing").summary("Update the pricing settings")),
    )
}

async fn get(State(app): State<Pricing>, caller: Caller<PricingRead>) -> Result<Reply<PricingSettings>, Fault> {
    let mut conn = app.db.read(caller.tenant).await?;
    let settings = settings_get(&mut conn).await?;
    Ok(Reply::ok(settings).etag(settings.version))
}

async fn update(
    State(app): State<Pricing>,
    caller: Caller<PricingWrite>,
    if_match: IfMatch,
    Json(input): Json<PricingSettingsUpdate>,
) -> Result<Reply<PricingSettings>, Fault> {
    let expected = if_match.required()?;
    let mut tx = match app.db.begin(&caller, "settings_update", &input).await? {
        Begin::Replay(reply) => return Ok(reply),
        Begin::Run(tx) => tx,
    };
    tax_change_begin(&app, &mut tx).await?;
    let mut settings = settings_get(&mut tx).await?;
    if_match.check(settings.version)?;
    settings.update(input);
    if !settings_put(&mut tx, &settings, expected, app.host.now(caller.tenant)).await? {
        return Err(IfMatch::stale());
    }
    publish_event(&app, &mut tx, &caller, "settings.updated", ("settings", settings.version), &settings).await?;
    tx.finish(Reply::ok(settings).etag(settings.version)).await
}
