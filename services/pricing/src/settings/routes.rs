//! `/v1/pricing/settings`

use axum::extract::State;
use bloom_events::Publish as _;
use bloom_fault::Fault;
use bloom_web::{Body, Caller, IfMatch, Reply, Routes};

use super::model::{PricingSettings, PricingSettingsUpdate};
use super::store::{settings_get, settings_put};
use super::tax_change::tax_change_begin;
use crate::{Pricing, PricingRead, PricingWrite};

pub fn routes() -> Routes<Pricing> {
    Routes::new("/v1/pricing/settings").get("pricing_settings_get", "Get the pricing settings", get).patch(
        "pricing_settings_update",
        "Update the pricing settings",
        update,
    )
}

async fn get(State(app): State<Pricing>, caller: Caller<PricingRead>) -> Result<Reply<PricingSettings>, Fault> {
    let mut conn = app.db.read(caller.tenant).await?;
    Ok(settings_get(&mut conn).await?.into())
}

async fn update(
    State(app): State<Pricing>,
    caller: Caller<PricingWrite>,
    if_match: IfMatch,
    Body(input): Body<PricingSettingsUpdate>,
) -> Result<Reply<PricingSettings>, Fault> {
    app.db
        .idempotent(caller.operation("settings_update", &input), async |tx| {
            tax_change_begin(tx).await?;
            let mut settings = settings_get(tx).await?;
            if_match.check(settings.version)?;
            let seen = settings.version;
            settings.update(&input);
            if !settings_put(tx, &settings, seen).await? {
                return Err(IfMatch::stale());
            }
            tx.publish(&settings);
            Ok(settings)
        })
        .await
}
