//! `/v1/pricing/tax-zones`

use aide::axum::ApiRouter;
use aide::axum::routing::{get_with, post_with};
use axum::extract::State;
use bloom_fault::{Fault, constraint};
use bloom_kernel::{Limit, TaxZoneId};
use bloom_runtime::http::page::Page;
use bloom_runtime::http::{Caller, IfMatch, Json, Path, Query};
use bloom_runtime::{Begin, Empty, Reply};
use schemars::JsonSchema;
use serde::Deserialize;

use super::model::{TaxZone, TaxZoneCreate, TaxZoneUpdate};
use super::store::{
    tax_zone_areas_delete, tax_zone_areas_insert, tax_zone_delete, tax_zone_get, tax_zone_insert, tax_zone_page, tax_zone_update,
};
use crate::Pricing;
use crate::error::{in_use, refusal};
use crate::events::publish_event;
use crate::permissions::{PricingRead, PricingWrite};
use crate::place::Country;
use crate::settings::tax_change_begin;

pub(crate) fn routes() -> ApiRouter<Pricing> {
    ApiRouter::new()
        .api_route(
            "/v1/pricing/tax-zones",
            post_with(create, |op| op.id("tax_zone_create").tag("pricing").summary("Create a tax zone"))
                .get_with(list, |op| op.id("tax_zone_list").tag("pricing").summary("List tax zones, oldest first")),
        )
        .api_route(
            "/v1/pricing/tax-zones/{tax_zone_id}",
            get_with(get, |op| op.id("tax_zone_get").tag("pricing").summary("Get a tax zone"))
                .patch_with(update, |op| op.id("tax_zone_update").tag("pricing").summary("Update a tax zone"))
                .delete_with(delete, |op| op.id("tax_zone_delete").tag("pricing").summary("Delete a tax zone")),
        )
}

async fn create(
    State(app): State<Pricing>,
    caller: Caller<PricingWrite>,
    Json(input): Json<TaxZoneCreate>,
) -> Result<Reply<TaxZone, 201>, Fault> {
    let mut tx = match app.db.begin(&caller, "tax_zone_create", &input).await? {
        Begin::Replay(reply) => return Ok(reply),
        Begin::Run(tx) => tx,
    };
    tax_change_begin(&app, &mut tx).await?;
    let zone = TaxZone::new(app.host.id(caller.tenant), app.host.now(caller.tenant), input);
    tax_zone_insert(&mut tx, &zone).await.map_err(refusal)?;
    tax_zone_areas_insert(&mut tx, &zone).await.map_err(refusal)?;
    publish_event(&app, &mut tx, &caller, "tax_zone.created", (zone.id, zone.version), &zone).await?;
    tx.finish(Reply::created(zone).etag(1)).await
}

/// Which tax zones a page holds.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct TaxZoneQuery {
    /// Items per page, 1 to 100; 20 when absent.
    #[serde(default)]
    limit: Limit,
    /// `next` of the page before.
    cursor: Option<String>,
    /// That cover some of this country.
    country: Option<Country>,
}

async fn list(
    State(app): State<Pricing>,
    caller: Caller<PricingRead>,
    Query(query): Query<TaxZoneQuery>,
) -> Result<Reply<Page<TaxZone>>, Fault> {
    let TaxZoneQuery { limit, cursor, country } = query;
    let filter = format!("tax_zones {country:?}");
    let after = app.cursors.position(caller.tenant, filter.as_bytes(), cursor.as_deref())?;
    let mut conn = app.db.read(caller.tenant).await?;
    let rows = tax_zone_page(&mut conn, country.as_ref(), after, limit.get() + 1).await?;
    Ok(Reply::ok(app.cursors.page(caller.tenant, filter.as_bytes(), limit, rows, |zone| zone.id)))
}

async fn get(
    State(app): State<Pricing>,
    caller: Caller<PricingRead>,
    Path(id): Path<TaxZoneId>,
) -> Result<Reply<TaxZone>, Fault> {
    let mut conn = app.db.read(caller.tenant).await?;
    let zone = tax_zone_get(&mut conn, id).await?.ok_or_else(|| Fault::not_found("tax zone"))?;
    let version = zone.version;
    Ok(Reply::ok(zone).etag(version))
}

async fn update(
    State(app): State<Pricing>,
    caller: Caller<PricingWrite>,
    Path(id): Path<TaxZoneId>,
    if_match: IfMatch,
    Json(input): Json<TaxZoneUpdate>,
) -> Result<Reply<TaxZone>, Fault> {
    if_match.required()?;
    let mut tx = match app.db.begin(&caller, "tax_zone_update", &(id, &input)).await? {
        Begin::Replay(reply) => return Ok(reply),
        Begin::Run(tx) => tx,
    };
    tax_change_begin(&app, &mut tx).await?;
    let zone = tax_zone_get(&mut tx, id).await?.ok_or_else(|| Fault::not_found("tax zone"))?;
    if_match.check(zone.version)?;
    let areas_given = input.areas.is_some();
    let zone = zone.update(app.host.now(caller.tenant), input);
    tax_zone_update(&mut tx, &zone).await?;
    if areas_given {
        tax_zone_areas_delete(&mut tx, id).await?;
        tax_zone_areas_insert(&mut tx, &zone).await.map_err(refusal)?;
    }
    publish_event(&app, &mut tx, &caller, "tax_zone.updated", (id, zone.version), &zone).await?;
    let version = zone.version;
    tx.finish(Reply::ok(zone).etag(version)).await
}

/// Deletes a zone that has no rates.
async fn delete(
    State(app): State<Pricing>,
    caller: Caller<PricingWrite>,
    Path(id): Path<TaxZoneId>,
    if_match: IfMatch,
) -> Result<Reply<Empty, 204>, Fault> {
    let expected = if_match.required()?;
    let mut tx = app.db.write(&caller).await?;
    tax_change_begin(&app, &mut tx).await?;
    let zone = tax_zone_get(&mut tx, id).await?.ok_or_else(|| Fault::not_found("tax zone"))?;
    let deleted = tax_zone_delete(&mut tx, id, expected).await.map_err(|error| match constraint(&error) {
        Some("tax_rate_zone_fk") => in_use("tax zone"),
        _ => error.into(),
    })?;
    if !deleted {
        return Err(IfMatch::stale());
    }
    publish_event(&app, &mut tx, &caller, "tax_zone.deleted", (id, zone.version + 1), &zone).await?;
    tx.commit().await?;
    Ok(Reply::no_content())
}
