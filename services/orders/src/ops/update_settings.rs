//! How a tenant's orders are handled.

use bloom_db::Begin;
use bloom_events::{Draft, publish};
use bloom_fault::Fault;
use bloom_runtime::RequestContext;
use bloom_web::IfMatch;
use bloom_web::Reply;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Orders;
use crate::domain::setting::{CaptureMode, Settings};
use crate::store::setting::{setting_get, setting_put};

/// Changes to the settings: absent fields stay.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SettingsPatch {
    /// When money is drawn.
    pub capture: Option<CaptureMode>,
    /// Hours until an order that nobody paid expires.
    #[schemars(range(min = 1, max = 8760))]
    pub unpaid_hours: Option<i32>,
}

/// The settings.
pub async fn read_settings(app: &Orders, call: &RequestContext) -> Result<Reply<Settings>, Fault> {
    let settings = setting_get(&mut *app.db.read(call.tenant).await?).await?;
    let version = settings.version;
    Ok(Reply::ok(settings).etag(version))
}

/// Changes the settings of the version that the merchant saw.
pub async fn update_settings(
    app: &Orders,
    call: &RequestContext,
    if_match: IfMatch,
    patch: SettingsPatch,
) -> Result<Reply<Settings>, Fault> {
    let seen = if_match.required()?;
    if patch.unpaid_hours.is_some_and(|hours| !(1..=8760).contains(&hours)) {
        return Err(Fault::invalid("/unpaid_hours", "out_of_range", "Give 1 to 8760 hours."));
    }
    let mut tx = match app.db.begin(call, "order_settings_update", &(seen, &patch)).await? {
        Begin::Run(tx) => tx,
        Begin::Replay(reply) => return Ok(reply),
    };
    let mut settings = setting_get(&mut tx).await?;
    if_match.check(settings.version)?;
    settings.capture = patch.capture.unwrap_or(settings.capture);
    settings.unpaid_hours = patch.unpaid_hours.unwrap_or(settings.unpaid_hours);
    settings.version += 1;
    if !setting_put(&mut tx, call.tenant, &settings, app.host.now(call.tenant)).await? {
        return Err(IfMatch::stale());
    }
    let (aggregate, version) = (call.tenant.to_string(), settings.version);
    let draft = Draft { kind: "order_settings.updated", aggregate, version, data: &settings, causation: None };
    publish(&mut tx, &app.host, call, draft).await?;
    tx.finish(Reply::ok(settings).etag(version)).await
}
