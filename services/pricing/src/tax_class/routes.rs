//! `/v1/pricing/tax-classes`

use aide::axum::ApiRouter;
use aide::axum::routing::{get_with, post_with};
use axum::extract::State;
use bloom_fault::Fault;
use bloom_kernel::TaxClassId;
use bloom_runtime::http::page::{Page, PageQuery};
use bloom_runtime::http::{Caller, IfMatch, Json, Path, Query};
use bloom_runtime::{Begin, Call, Reply, TenantTx};

use super::model::{TaxClass, TaxClassCreate, TaxClassUpdate};
use super::store::{tax_class_get, tax_class_insert, tax_class_page, tax_class_undefault, tax_class_update};
use crate::Pricing;
use crate::error::refusal;
use crate::events::publish_event;
use crate::permissions::{PricingRead, PricingWrite};
use crate::settings::tax_change_begin;

pub(crate) fn routes() -> ApiRouter<Pricing> {
    ApiRouter::new()
        .api_route(
            "/v1/pricing/tax-classes",
            post_with(create, |op| op.id("tax_class_create").tag("pricing").summary("Create a tax class"))
                .get_with(list, |op| op.id("tax_class_list").tag("pricing").summary("List tax classes, oldest first")),
        )
        .api_route(
            "/v1/pricing/tax-classes/{tax_class_id}",
            get_with(get, |op| op.id("tax_class_get").tag("pricing").summary("Get a tax class"))
                .patch_with(update, |op| op.id("tax_class_update").tag("pricing").summary("Update a tax class")),
        )
}

async fn create(
    State(app): State<Pricing>,
    caller: Caller<PricingWrite>,
    Json(input): Json<TaxClassCreate>,
) -> Result<Reply<TaxClass, 201>, Fault> {
    let mut tx = match app.db.begin(&caller, "tax_class_create", &input).await? {
        Begin::Replay(reply) => return Ok(reply),
        Begin::Run(tx) => tx,
    };
    tax_change_begin(&app, &mut tx).await?;
    if input.is_default {
        default_clear(&app, &mut tx, &caller).await?;
    }
    let class = TaxClass::new(app.host.id(caller.tenant), app.host.now(caller.tenant), input);
    tax_class_insert(&mut tx, &class).await.map_err(refusal)?;
    publish_event(&app, &mut tx, &caller, "tax_class.created", (class.id, class.version), &class).await?;
    tx.finish(Reply::created(class).etag(1)).await
}

async fn list(
    State(app): State<Pricing>,
    caller: Caller<PricingRead>,
    Query(query): Query<PageQuery>,
) -> Result<Reply<Page<TaxClass>>, Fault> {
    let PageQuery { limit, cursor } = query;
    let filter = "tax_classes";
    let after = app.cursors.position(caller.tenant, filter.as_bytes(), cursor.as_deref())?;
    let mut conn = app.db.read(caller.tenant).await?;
    let rows = tax_class_page(&mut conn, after, limit.get() + 1).await?;
    Ok(Reply::ok(app.cursors.page(caller.tenant, filter.as_bytes(), limit, rows, |class| class.id)))
}

async fn get(
    State(app): State<Pricing>,
    caller: Caller<PricingRead>,
    Path(id): Path<TaxClassId>,
) -> Result<Reply<TaxClass>, Fault> {
    let mut conn = app.db.read(caller.tenant).await?;
    let class = tax_class_get(&mut conn, id).await?.ok_or_else(|| Fault::not_found("tax class"))?;
    let version = class.version;
    Ok(Reply::ok(class).etag(version))
}

async fn update(
    State(app): State<Pricing>,
    caller: Caller<PricingWrite>,
    Path(id): Path<TaxClassId>,
    if_match: IfMatch,
    Json(input): Json<TaxClassUpdate>,
) -> Result<Reply<TaxClass>, Fault> {
    if_match.required()?;
    let mut tx = match app.db.begin(&caller, "tax_class_update", &(id, &input)).await? {
        Begin::Replay(reply) => return Ok(reply),
        Begin::Run(tx) => tx,
    };
    tax_change_begin(&app, &mut tx).await?;
    let class = tax_class_get(&mut tx, id).await?.ok_or_else(|| Fault::not_found("tax class"))?;
    if_match.check(class.version)?;
    if input.is_default == Some(true) && !class.is_default {
        default_clear(&app, &mut tx, &caller).await?;
    }
    let class = class.update(app.host.now(caller.tenant), input);
    tax_class_update(&mut tx, &class).await.map_err(refusal)?;
    publish_event(&app, &mut tx, &caller, "tax_class.updated", (id, class.version), &class).await?;
    let version = class.version;
    tx.finish(Reply::ok(class).etag(version)).await
}

/// Takes the default from the class that has it, so that another one may have it.
async fn default_clear(app: &Pricing, tx: &mut TenantTx, call: &Call) -> Result<(), Fault> {
    let now = app.host.now(tx.tenant());
    match tax_class_undefault(tx, now).await? {
        Some(class) => publish_event(app, tx, call, "tax_class.updated", (class.id, class.version), &class).await,
        None => Ok(()),
    }
}
