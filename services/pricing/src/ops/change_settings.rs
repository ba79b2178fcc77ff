//! Changing how the tenant calculates.

use bloom_db::Begin;
use bloom_fault::Fault;
use bloom_runtime::RequestContext;
use bloom_web::IfMatch;
use bloom_web::Reply;

use super::taxes_change;
use crate::Pricing;
use crate::domain::tax_setup::{Settings, SettingsUpdate};
use crate::events::tell;
use crate::store::settings::{settings_get, settings_put};

/// Changes the settings.
pub async fn settings_change(
    app: &Pricing,
    call: &RequestContext,
    expected: i64,
    input: SettingsUpdate,
) -> Result<Reply<Settings>, Fault> {
    let mut tx = match app.db.begin(call, "settings_update", &input).await? {
        Begin::Replay(reply) => return Ok(reply),
        Begin::Run(tx) => tx,
    };
    taxes_change(app, &mut tx).await?;
    let before = settings_get(&mut tx).await?;
    let after = Settings {
        rounding: input.rounding.unwrap_or(before.rounding),
        base_lists_gross: input.base_lists_gross.unwrap_or(before.base_lists_gross),
        version: before.version + 1,
        tax_version: before.tax_version,
    };
    if before.version != expected || !settings_put(&mut tx, &after, expected, app.host.now(call.tenant)).await? {
        return Err(IfMatch::stale());
    }
    tell(app, &mut tx, call, "settings.updated", ("settings", after.version), &after).await?;
    tx.finish(Reply::ok(after).etag(after.version)).await
}
