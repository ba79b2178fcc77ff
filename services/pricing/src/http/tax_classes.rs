//! `/v1/pricing/tax-classes`

use aide::axum::ApiRouter;
use aide::axum::routing::{get_with, post_with};
use axum::extract::State;
use bloom_fault::Fault;
use bloom_kernel::{Limit, TaxClassId};
use bloom_web::Reply;
use bloom_web::page::Page;
use bloom_web::{Caller, IfMatch, Json, Path, Query};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{PricingRead, PricingWrite, rows_of};
use crate::Pricing;
use crate::domain::tax_setup::{TaxClass, TaxClassCreate, TaxClassUpdate};
use crate::ops::change_tax_class::{tax_class_change, tax_class_create as create};
use crate::store::tax_class::{tax_class_get as get, tax_class_page};

/// Which tax classes are wanted.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TaxClassQuery {
    /// Items per page, 1 to 100; 20 when absent.
    #[serde(default)]
    pub limit: Limit,
    /// `next` of the page before.
    pub cursor: Option<String>,
}

/// The routes of tax classes.
pub fn routes() -> ApiRouter<Pricing> {
    ApiRouter::new()
        .api_route(
            "/v1/pricing/tax-classes",
            post_with(tax_class_create, |op| op.id("tax_class_create").tag("pricing").summary("Create a tax class"))
                .get_with(tax_class_list, |op| op.id("tax_class_list").tag("pricing").summary("List tax classes, oldest first")),
        )
        .api_route(
            "/v1/pricing/tax-classes/{tax_class_id}",
            get_with(tax_class_get, |op| op.id("tax_class_get").tag("pricing").summary("Get a tax class"))
                .patch_with(tax_class_update, |op| op.id("tax_class_update").tag("pricing").summary("Update a tax class")),
        )
}

async fn tax_class_create(
    State(app): State<Pricing>,
    caller: Caller<PricingWrite>,
    Json(input): Json<TaxClassCreate>,
) -> Result<Reply<TaxClass, 201>, Fault> {
    create(&app, &caller, input).await
}

async fn tax_class_get(
    State(app): State<Pricing>,
    caller: Caller<PricingRead>,
    Path(id): Path<TaxClassId>,
) -> Result<Reply<TaxClass>, Fault> {
    let mut conn = app.db.read(caller.tenant).await?;
    let class = get(&mut conn, id).await?.ok_or_else(|| Fault::not_found("tax class"))?;
    let version = class.version;
    Ok(Reply::ok(class).etag(version))
}

async fn tax_class_update(
    State(app): State<Pricing>,
    caller: Caller<PricingWrite>,
    Path(id): Path<TaxClassId>,
    if_match: IfMatch,
    Json(input): Json<TaxClassUpdate>,
) -> Result<Reply<TaxClass>, Fault> {
    tax_class_change(&app, &caller, id, if_match.required()?, input).await
}

async fn tax_class_list(
    State(app): State<Pricing>,
    caller: Caller<PricingRead>,
    Query(query): Query<TaxClassQuery>,
) -> Result<Reply<Page<TaxClass>>, Fault> {
    let TaxClassQuery { limit, cursor } = query;
    let filter = "tax_classes";
    let after = app.cursors.position(caller.tenant, filter.as_bytes(), cursor.as_deref())?;
    let mut conn = app.db.read(caller.tenant).await?;
    let rows = tax_class_page(&mut conn, after, rows_of(limit)).await?;
    Ok(Reply::ok(app.cursors.page(caller.tenant, filter.as_bytes(), limit, rows, |class| class.id)))
}
