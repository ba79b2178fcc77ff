//! Making, changing and removing tax zones.

use bloom_db::Begin;
use bloom_fault::{Fault, constraint};
use bloom_kernel::TaxZoneId;
use bloom_runtime::RequestContext;
use bloom_web::IfMatch;
use bloom_web::{Empty, Reply};

use super::taxes_change;
use crate::Pricing;
use crate::domain::tax_setup::{TaxZone, TaxZoneCreate, TaxZoneUpdate};
use crate::error;
use crate::events::tell;
use crate::store::tax_zone::{
    tax_zone_areas_delete, tax_zone_areas_insert, tax_zone_delete, tax_zone_get, tax_zone_insert, tax_zone_update,
};

/// Makes a zone.
pub async fn tax_zone_create(app: &Pricing, call: &RequestContext, input: TaxZoneCreate) -> Result<Reply<TaxZone, 201>, Fault> {
    let mut tx = match app.db.begin(call, "tax_zone_create", &input).await? {
        Begin::Replay(reply) => return Ok(reply),
        Begin::Run(tx) => tx,
    };
    taxes_change(app, &mut tx).await?;
    let now = app.host.now(call.tenant);
    let id = app.host.id(call.tenant);
    let zone = TaxZone { id, name: input.name, areas: input.areas, version: 1, created_at: now, updated_at: now };
    tax_zone_insert(&mut tx, &zone).await.map_err(error::of)?;
    tax_zone_areas_insert(&mut tx, &zone).await.map_err(error::of)?;
    tell(app, &mut tx, call, "tax_zone.created", (id, zone.version), &zone).await?;
    tx.finish(Reply::created(zone).etag(1)).await
}

/// Changes a zone.
pub async fn tax_zone_change(
    app: &Pricing,
    call: &RequestContext,
    id: TaxZoneId,
    expected: i64,
    input: TaxZoneUpdate,
) -> Result<Reply<TaxZone>, Fault> {
    let mut tx = match app.db.begin(call, "tax_zone_update", &(id, &input)).await? {
        Begin::Replay(reply) => return Ok(reply),
        Begin::Run(tx) => tx,
    };
    taxes_change(app, &mut tx).await?;
    let zone = tax_zone_get(&mut tx, id).await?.ok_or_else(|| Fault::not_found("tax zone"))?;
    if zone.version != expected {
        return Err(IfMatch::stale());
    }
    let moved = input.areas.is_some();
    let zone = TaxZone {
        name: input.name.unwrap_or(zone.name),
        areas: input.areas.unwrap_or(zone.areas),
        version: zone.version + 1,
        updated_at: app.host.now(call.tenant),
        ..zone
    };
    tax_zone_update(&mut tx, &zone).await?;
    if moved {
        tax_zone_areas_delete(&mut tx, id).await?;
        tax_zone_areas_insert(&mut tx, &zone).await.map_err(error::of)?;
    }
    tell(app, &mut tx, call, "tax_zone.updated", (id, zone.version), &zone).await?;
    let version = zone.version;
    tx.finish(Reply::ok(zone).etag(version)).await
}

/// Removes a zone that has no rates.
pub async fn tax_zone_remove(
    app: &Pricing,
    call: &RequestContext,
    id: TaxZoneId,
    expected: i64,
) -> Result<Reply<Empty, 204>, Fault> {
    let mut tx = app.db.write(call).await?;
    taxes_change(app, &mut tx).await?;
    let zone = tax_zone_get(&mut tx, id).await?.ok_or_else(|| Fault::not_found("tax zone"))?;
    let gone = tax_zone_delete(&mut tx, id, expected).await.map_err(|error| match constraint(&error) {
        Some("tax_rate_zone_fk") => error::in_use("tax zone"),
        _ => error.into(),
    })?;
    if !gone {
        return Err(IfMatch::stale());
    }
    tell(app, &mut tx, call, "tax_zone.deleted", (id, zone.version + 1), &zone).await?;
    tx.commit().await?;
    Ok(Reply::no_content())
}
