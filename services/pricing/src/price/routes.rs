//! `/v1/pricing/prices`

use aide::axum::ApiRouter;
use aide::axum::routing::{get_with, post_with};
use axum::extract::State;
use bloom_fault::{Code, Fault};
use bloom_kernel::{Limit, PriceId, PriceListId, VariantId};
use bloom_runtime::http::page::Page;
use bloom_runtime::http::{Caller, IfMatch, Json, Path, Query};
use bloom_runtime::{Begin, Empty, Reply, TenantTx};
use schemars::JsonSchema;
use serde::Deserialize;

use super::model::{Price, PriceCreate, PriceUpdate};
use super::set::{price_rows_set, set};
use super::store::{Position, price_delete, price_get, price_page, price_update};
use crate::Pricing;
use crate::error::refusal;
use crate::events::publish_event;
use crate::permissions::{PricingRead, PricingWrite};
use crate::terms::terms_lock_shared;
use crate::variant_price::{VariantPriceRow, reprice_and_publish, variant_prices_claim};

pub(crate) fn routes() -> ApiRouter<Pricing> {
    ApiRouter::new()
        .api_route(
            "/v1/pricing/prices",
            post_with(create, |op| {
                op.id("price_create")
                    .tag("pricing")
                    .summary("Create a price")
                    .description("Takes any variant id. Whether the catalog has the variant is checked when it is sold.")
            })
            .get_with(list, |op| op.id("prices_list").tag("pricing").summary("List prices by list, variant and quantity")),
        )
        .api_route(
            "/v1/pricing/prices/bulk",
            post_with(set, |op| {
                op.id("prices_set").tag("pricing").summary("Set many prices").description(
                    "Creates or changes prices by list, variant and quantity: all of them, or none when one is refused. Takes \
                     any variant id. Whether the catalog has the variant is checked when it is sold.",
                )
            }),
        )
        .api_route(
            "/v1/pricing/prices/{price_id}",
            get_with(get, |op| op.id("price_get").tag("pricing").summary("Get a price"))
                .patch_with(update, |op| op.id("price_update").tag("pricing").summary("Update a price"))
                .delete_with(delete, |op| op.id("price_delete").tag("pricing").summary("Delete a price")),
        )
}

/// Refused when the list has a price for that variant and quantity.
async fn create(
    State(app): State<Pricing>,
    caller: Caller<PricingWrite>,
    Json(input): Json<PriceCreate>,
) -> Result<Reply<Price, 201>, Fault> {
    let mut tx = match app.db.begin(&caller, "price_create", &input).await? {
        Begin::Replay(reply) => return Ok(reply),
        Begin::Run(tx) => tx,
    };
    let changed = price_rows_set(&app, &mut tx, &caller, &[input], &|_| String::new()).await?;
    let created = changed.into_iter().find(|price| price.version == 1);
    let price = created.ok_or_else(|| {
        let detail = "The list has a price for this variant from this quantity on; change that one.";
        Fault::new(Code::Conflict, "price_exists", detail).at("/min_quantity", "price_exists", detail)
    })?;
    let version = price.version;
    tx.finish(Reply::created(price).etag(version)).await
}

/// Which prices a page holds.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PriceQuery {
    /// Items per page, 1 to 100; 20 when absent.
    #[serde(default)]
    limit: Limit,
    /// `next` of the page before.
    cursor: Option<String>,
    /// Of this list.
    price_list_id: Option<PriceListId>,
    /// For this variant.
    variant_id: Option<VariantId>,
}

async fn list(
    State(app): State<Pricing>,
    caller: Caller<PricingRead>,
    Query(query): Query<PriceQuery>,
) -> Result<Reply<Page<Price>>, Fault> {
    let PriceQuery { limit, cursor, price_list_id, variant_id } = query;
    let filter = format!("prices {price_list_id:?} {variant_id:?}");
    let after = app.cursors.position(caller.tenant, filter.as_bytes(), cursor.as_deref())?;
    let mut conn = app.db.read(caller.tenant).await?;
    let rows = price_page(&mut conn, price_list_id, variant_id, after, limit.get() + 1).await?;
    Ok(Reply::ok(app.cursors.page(caller.tenant, filter.as_bytes(), limit, rows, |price| Position::from(price))))
}

async fn get(State(app): State<Pricing>, caller: Caller<PricingRead>, Path(id): Path<PriceId>) -> Result<Reply<Price>, Fault> {
    let mut conn = app.db.read(caller.tenant).await?;
    let price = price_get(&mut conn, id).await?.ok_or_else(|| Fault::not_found("price"))?;
    let version = price.version;
    Ok(Reply::ok(price).etag(version))
}

async fn update(
    State(app): State<Pricing>,
    caller: Caller<PricingWrite>,
    Path(id): Path<PriceId>,
    if_match: IfMatch,
    Json(input): Json<PriceUpdate>,
) -> Result<Reply<Price>, Fault> {
    let expected = if_match.required()?;
    let mut tx = match app.db.begin(&caller, "price_update", &(id, &input)).await? {
        Begin::Replay(reply) => return Ok(reply),
        Begin::Run(tx) => tx,
    };
    let now = app.host.now(caller.tenant);
    let (price, locked) = price_claim(&app, &mut tx, id, if_match).await?;
    let price = price.update(now, &input)?;
    if !price_update(&mut tx, id, expected, input.price.amount(), now).await.map_err(refusal)? {
        return Err(IfMatch::stale());
    }
    publish_event(&app, &mut tx, &caller, "price.updated", (id, price.version), &price).await?;
    reprice_and_publish(&app, &mut tx, &caller, now, locked).await?;
    let version = price.version;
    tx.finish(Reply::ok(price).etag(version)).await
}

async fn delete(
    State(app): State<Pricing>,
    caller: Caller<PricingWrite>,
    Path(id): Path<PriceId>,
    if_match: IfMatch,
) -> Result<Reply<Empty, 204>, Fault> {
    let expected = if_match.required()?;
    let mut tx = app.db.write(&caller).await?;
    let (price, locked) = price_claim(&app, &mut tx, id, if_match).await?;
    if !price_delete(&mut tx, id, expected).await? {
        return Err(IfMatch::stale());
    }
    publish_event(&app, &mut tx, &caller, "price.deleted", (id, price.version + 1), &price).await?;
    reprice_and_publish(&app, &mut tx, &caller, app.host.now(caller.tenant), locked).await?;
    tx.commit().await?;
    Ok(Reply::no_content())
}

/// The price at the expected version, with the lock on the prices of its variant.
async fn price_claim(
    app: &Pricing,
    tx: &mut TenantTx,
    id: PriceId,
    if_match: IfMatch,
) -> Result<(Price, Vec<VariantPriceRow>), Fault> {
    terms_lock_shared(tx).await?;
    let price = price_get(tx, id).await?.ok_or_else(|| Fault::not_found("price"))?;
    if_match.check(price.version)?;
    let locked = variant_prices_claim(tx, &[price.variant_id], app.host.now(tx.tenant())).await?;
    Ok((price, locked))
}
