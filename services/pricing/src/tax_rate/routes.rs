//! `/v1/pricing/tax-rates`

use aide::axum::ApiRouter;
use aide::axum::routing::{get_with, post_with};
use axum::extract::State;
use bloom_fault::Fault;
use bloom_kernel::{Limit, TaxClassId, TaxRateId, TaxZoneId};
use bloom_runtime::http::page::Page;
use bloom_runtime::http::{Caller, IfMatch, Json, Path, Query};
use bloom_runtime::{Begin, Empty, Reply};
use schemars::JsonSchema;
use serde::Deserialize;

use super::model::{TaxRate, TaxRateCreate, TaxRateUpdate, rates_check};
use super::store::{tax_rate_delete, tax_rate_get, tax_rate_insert, tax_rate_page, tax_rate_update, tax_rates_of};
use crate::Pricing;
use crate::error::{not_found, refusal};
use crate::events::publish_event;
use crate::permissions::{PricingRead, PricingWrite};
use crate::settings::tax_change_begin;
use crate::tax_zone::tax_zone_lock;

pub(crate) fn routes() -> ApiRouter<Pricing> {
    ApiRouter::new()
        .api_route(
            "/v1/pricing/tax-rates",
            post_with(create, |op| op.id("tax_rate_create").tag("pricing").summary("Create a tax rate"))
                .get_with(list, |op| op.id("tax_rate_list").tag("pricing").summary("List tax rates, oldest first")),
        )
        .api_route(
            "/v1/pricing/tax-rates/{tax_rate_id}",
            get_with(get, |op| op.id("tax_rate_get").tag("pricing").summary("Get a tax rate"))
                .patch_with(update, |op| op.id("tax_rate_update").tag("pricing").summary("Update a tax rate"))
                .delete_with(delete, |op| op.id("tax_rate_delete").tag("pricing").summary("Delete a tax rate")),
        )
}

async fn create(
    State(app): State<Pricing>,
    caller: Caller<PricingWrite>,
    Json(input): Json<TaxRateCreate>,
) -> Result<Reply<TaxRate, 201>, Fault> {
    let mut tx = match app.db.begin(&caller, "tax_rate_create", &input).await? {
        Begin::Replay(reply) => return Ok(reply),
        Begin::Run(tx) => tx,
    };
    tax_change_begin(&app, &mut tx).await?;
    if !tax_zone_lock(&mut tx, input.zone_id).await? {
        return Err(not_found("tax zone", "/zone_id"));
    }
    let rate = TaxRate::new(app.host.id(caller.tenant), app.host.now(caller.tenant), input);
    tax_rate_insert(&mut tx, &rate).await.map_err(refusal)?;
    // No other request adds a rate meanwhile: changes of one tenant's taxes run one after the other.
    rates_check(&tax_rates_of(&mut tx, rate.zone_id, rate.class_id).await?)?;
    publish_event(&app, &mut tx, &caller, "tax_rate.created", (rate.id, rate.version), &rate).await?;
    tx.finish(Reply::created(rate).etag(1)).await
}

/// Which tax rates a page holds.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct TaxRateQuery {
    /// Items per page, 1 to 100; 20 when absent.
    #[serde(default)]
    limit: Limit,
    /// `next` of the page before.
    cursor: Option<String>,
    /// Due in this zone.
    zone_id: Option<TaxZoneId>,
    /// Due for this class.
    class_id: Option<TaxClassId>,
}

async fn list(
    State(app): State<Pricing>,
    caller: Caller<PricingRead>,
    Query(query): Query<TaxRateQuery>,
) -> Result<Reply<Page<TaxRate>>, Fault> {
    let TaxRateQuery { limit, cursor, zone_id, class_id } = query;
    let filter = format!("tax_rates {zone_id:?} {class_id:?}");
    let after = app.cursors.position(caller.tenant, filter.as_bytes(), cursor.as_deref())?;
    let mut conn = app.db.read(caller.tenant).await?;
    let rows = tax_rate_page(&mut conn, zone_id, class_id, after, limit.get() + 1).await?;
    Ok(Reply::ok(app.cursors.page(caller.tenant, filter.as_bytes(), limit, rows, |rate| rate.id)))
}

async fn get(
    State(app): State<Pricing>,
    caller: Caller<PricingRead>,
    Path(id): Path<TaxRateId>,
) -> Result<Reply<TaxRate>, Fault> {
    let mut conn = app.db.read(caller.tenant).await?;
    let rate = tax_rate_get(&mut conn, id).await?.ok_or_else(|| Fault::not_found("tax rate"))?;
    let version = rate.version;
    Ok(Reply::ok(rate).etag(version))
}

async fn update(
    State(app): State<Pricing>,
    caller: Caller<PricingWrite>,
    Path(id): Path<TaxRateId>,
    if_match: IfMatch,
    Json(input): Json<TaxRateUpdate>,
) -> Result<Reply<TaxRate>, Fault> {
    if_match.required()?;
    let mut tx = match app.db.begin(&caller, "tax_rate_update", &(id, &input)).await? {
        Begin::Replay(reply) => return Ok(reply),
        Begin::Run(tx) => tx,
    };
    tax_change_begin(&app, &mut tx).await?;
    let rate = tax_rate_get(&mut tx, id).await?.ok_or_else(|| Fault::not_found("tax rate"))?;
    if_match.check(rate.version)?;
    let rate = rate.update(app.host.now(caller.tenant), input);
    tax_rate_update(&mut tx, &rate).await.map_err(refusal)?;
    rates_check(&tax_rates_of(&mut tx, rate.zone_id, rate.class_id).await?)?;
    publish_event(&app, &mut tx, &caller, "tax_rate.updated", (id, rate.version), &rate).await?;
    let version = rate.version;
    tx.finish(Reply::ok(rate).etag(version)).await
}

async fn delete(
    State(app): State<Pricing>,
    caller: Caller<PricingWrite>,
    Path(id): Path<TaxRateId>,
    if_match: IfMatch,
) -> Result<Reply<Empty, 204>, Fault> {
    let expected = if_match.required()?;
    let mut tx = app.db.write(&caller).await?;
    tax_change_begin(&app, &mut tx).await?;
    let rate = tax_rate_get(&mut tx, id).await?.ok_or_else(|| Fault::not_found("tax rate"))?;
    if !tax_rate_delete(&mut tx, id, expected).await? {
        return Err(IfMatch::stale());
    }
    publish_event(&app, &mut tx, &caller, "tax_rate.deleted", (id, rate.version + 1), &rate).await?;
    tx.commit().await?;
    Ok(Reply::no_content())
}
