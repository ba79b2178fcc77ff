//! `/v1/pricing/tax-rates`

use aide::axum::ApiRouter;
use aide::axum::routing::{get_with, post_with};
use axum::extract::State;
use bloom_fault::Fault;
use bloom_kernel::{Limit, TaxClassId, TaxRateId, TaxZoneId};
use bloom_web::page::Page;
use bloom_web::{Caller, IfMatch, Json, Path, Query};
use bloom_web::{Empty, Reply};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{PricingRead, PricingWrite, rows_of};
use crate::Pricing;
use crate::domain::tax_setup::{TaxRate, TaxRateCreate, TaxRateUpdate};
use crate::ops::change_tax_rate::{tax_rate_change, tax_rate_create as create, tax_rate_remove};
use crate::store::tax_rate::{tax_rate_get as get, tax_rate_page};

/// Which tax rates are wanted.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TaxRateQuery {
    /// Items per page, 1 to 100; 20 when absent.
    #[serde(default)]
    pub limit: Limit,
    /// `next` of the page before.
    pub cursor: Option<String>,
    /// Due in this zone.
    pub zone_id: Option<TaxZoneId>,
    /// Due for this class.
    pub class_id: Option<TaxClassId>,
}

/// The routes of tax rates.
pub fn routes() -> ApiRouter<Pricing> {
    ApiRouter::new()
        .api_route(
            "/v1/pricing/tax-rates",
            post_with(tax_rate_create, |op| op.id("tax_rate_create").tag("pricing").summary("Create a tax rate"))
                .get_with(tax_rate_list, |op| op.id("tax_rate_list").tag("pricing").summary("List tax rates, oldest first")),
        )
        .api_route(
            "/v1/pricing/tax-rates/{tax_rate_id}",
            get_with(tax_rate_get, |op| op.id("tax_rate_get").tag("pricing").summary("Get a tax rate"))
                .patch_with(tax_rate_update, |op| op.id("tax_rate_update").tag("pricing").summary("Update a tax rate"))
                .delete_with(tax_rate_delete, |op| op.id("tax_rate_delete").tag("pricing").summary("Delete a tax rate")),
        )
}

async fn tax_rate_create(
    State(app): State<Pricing>,
    caller: Caller<PricingWrite>,
    Json(input): Json<TaxRateCreate>,
) -> Result<Reply<TaxRate, 201>, Fault> {
    create(&app, &caller, input).await
}

async fn tax_rate_get(
    State(app): State<Pricing>,
    caller: Caller<PricingRead>,
    Path(id): Path<TaxRateId>,
) -> Result<Reply<TaxRate>, Fault> {
    let mut conn = app.db.read(caller.tenant).await?;
    let rate = get(&mut conn, id).await?.ok_or_else(|| Fault::not_found("tax rate"))?;
    let version = rate.version;
    Ok(Reply::ok(rate).etag(version))
}

async fn tax_rate_update(
    State(app): State<Pricing>,
    caller: Caller<PricingWrite>,
    Path(id): Path<TaxRateId>,
    if_match: IfMatch,
    Json(input): Json<TaxRateUpdate>,
) -> Result<Reply<TaxRate>, Fault> {
    tax_rate_change(&app, &caller, id, if_match.required()?, input).await
}

async fn tax_rate_delete(
    State(app): State<Pricing>,
    caller: Caller<PricingWrite>,
    Path(id): Path<TaxRateId>,
    if_match: IfMatch,
) -> Result<Reply<Empty, 204>, Fault> {
    tax_rate_remove(&app, &caller, id, if_match.required()?).await
}

async fn tax_rate_list(
    State(app): State<Pricing>,
    caller: Caller<PricingRead>,
    Query(query): Query<TaxRateQuery>,
) -> Result<Reply<Page<TaxRate>>, Fault> {
    let TaxRateQuery { limit, cursor, zone_id, class_id } = query;
    let filter = format!("tax_rates {zone_id:?} {class_id:?}");
    let after = app.cursors.position(caller.tenant, filter.as_bytes(), cursor.as_deref())?;
    let mut conn = app.db.read(caller.tenant).await?;
    let rows = tax_rate_page(&mut conn, zone_id, class_id, after, rows_of(limit)).await?;
    Ok(Reply::ok(app.cursors.page(caller.tenant, filter.as_bytes(), limit, rows, |rate| rate.id)))
}
