//! `/v1/pricing/tax-zones`

use aide::axum::ApiRouter;
use aide::axum::routing::{get_with, post_with};
use axum::extract::State;
use bloom_fault::Fault;
use bloom_kernel::{Limit, TaxZoneId};
use bloom_web::page::Page;
use bloom_web::{Caller, IfMatch, Json, Path, Query};
use bloom_web::{Empty, Reply};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{PricingRead, PricingWrite, rows_of};
use crate::Pricing;
use crate::domain::place::Country;
use crate::domain::tax_setup::{TaxZone, TaxZoneCreate, TaxZoneUpdate};
use crate::ops::change_tax_zone::{tax_zone_change, tax_zone_create as create, tax_zone_remove};
use crate::store::tax_zone::{tax_zone_get as get, tax_zone_page};

/// Which tax zones are wanted.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TaxZoneQuery {
    /// Items per page, 1 to 100; 20 when absent.
    #[serde(default)]
    pub limit: Limit,
    /// `next` of the page before.
    pub cursor: Option<String>,
    /// That cover some of this country.
    pub country: Option<Country>,
}

/// The routes of tax zones.
pub fn routes() -> ApiRouter<Pricing> {
    ApiRouter::new()
        .api_route(
            "/v1/pricing/tax-zones",
            post_with(tax_zone_create, |op| op.id("tax_zone_create").tag("pricing").summary("Create a tax zone"))
                .get_with(tax_zone_list, |op| op.id("tax_zone_list").tag("pricing").summary("List tax zones, oldest first")),
        )
        .api_route(
            "/v1/pricing/tax-zones/{tax_zone_id}",
            get_with(tax_zone_get, |op| op.id("tax_zone_get").tag("pricing").summary("Get a tax zone"))
                .patch_with(tax_zone_update, |op| op.id("tax_zone_update").tag("pricing").summary("Update a tax zone"))
                .delete_with(tax_zone_delete, |op| op.id("tax_zone_delete").tag("pricing").summary("Delete a tax zone")),
        )
}

async fn tax_zone_create(
    State(app): State<Pricing>,
    caller: Caller<PricingWrite>,
    Json(input): Json<TaxZoneCreate>,
) -> Result<Reply<TaxZone, 201>, Fault> {
    create(&app, &caller, input).await
}

async fn tax_zone_get(
    State(app): State<Pricing>,
    caller: Caller<PricingRead>,
    Path(id): Path<TaxZoneId>,
) -> Result<Reply<TaxZone>, Fault> {
    let mut conn = app.db.read(caller.tenant).await?;
    let zone = get(&mut conn, id).await?.ok_or_else(|| Fault::not_found("tax zone"))?;
    let version = zone.version;
    Ok(Reply::ok(zone).etag(version))
}

async fn tax_zone_update(
    State(app): State<Pricing>,
    caller: Caller<PricingWrite>,
    Path(id): Path<TaxZoneId>,
    if_match: IfMatch,
    Json(input): Json<TaxZoneUpdate>,
) -> Result<Reply<TaxZone>, Fault> {
    tax_zone_change(&app, &caller, id, if_match.required()?, input).await
}

async fn tax_zone_delete(
    State(app): State<Pricing>,
    caller: Caller<PricingWrite>,
    Path(id): Path<TaxZoneId>,
    if_match: IfMatch,
) -> Result<Reply<Empty, 204>, Fault> {
    tax_zone_remove(&app, &caller, id, if_match.required()?).await
}

async fn tax_zone_list(
    State(app): State<Pricing>,
    caller: Caller<PricingRead>,
    Query(query): Query<TaxZoneQuery>,
) -> Result<Reply<Page<TaxZone>>, Fault> {
    let TaxZoneQuery { limit, cursor, country } = query;
    let filter = format!("tax_zones {country:?}");
    let after = app.cursors.position(caller.tenant, filter.as_bytes(), cursor.as_deref())?;
    let mut conn = app.db.read(caller.tenant).await?;
    let rows = tax_zone_page(&mut conn, country.as_ref(), after, rows_of(limit)).await?;
    Ok(Reply::ok(app.cursors.page(caller.tenant, filter.as_bytes(), limit, rows, |zone| zone.id)))
}
