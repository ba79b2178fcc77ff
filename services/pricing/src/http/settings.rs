//! `/v1/pricing/settings`

use aide::axum::ApiRouter;
use aide::axum::routing::get_with;
use axum::extract::State;
use bloom_fault::Fault;
use bloom_web::Reply;
use bloom_web::{Caller, IfMatch, Json};

use super::{PricingRead, PricingWrite};
use crate::Pricing;
use crate::domain::tax_setup::{Settings, SettingsUpdate};
use crate::ops::change_settings::settings_change;
use crate::store::settings::settings_get as get;

/// The routes of the settings.
pub fn routes() -> ApiRouter<Pricing> {
    ApiRouter::new().api_route(
        "/v1/pricing/settings",
        get_with(settings_get, |op| op.id("pricing_settings_get").tag("pricing").summary("Get the pricing settings"))
            .patch_with(settings_update, |op| {
                op.id("pricing_settings_update").tag("pricing").summary("Update the pricing settings")
            }),
    )
}

async fn settings_get(State(app): State<Pricing>, caller: Caller<PricingRead>) -> Result<Reply<Settings>, Fault> {
    let mut conn = app.db.read(caller.tenant).await?;
    let settings = get(&mut conn).await?;
    Ok(Reply::ok(settings).etag(settings.version))
}

async fn settings_update(
    State(app): State<Pricing>,
    caller: Caller<PricingWrite>,
    if_match: IfMatch,
    Json(input): Json<SettingsUpdate>,
) -> Result<Reply<Settings>, Fault> {
    settings_change(&app, &caller, if_match.required()?, input).await
}
