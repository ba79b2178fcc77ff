//! `/v1/pricing/prices`

use aide::axum::ApiRouter;
use aide::axum::routing::{get_with, post_with};
use axum::extract::State;
use bloom_fault::Fault;
use bloom_kernel::{Limit, PriceId, PriceListId, VariantId};
use bloom_web::page::Page;
use bloom_web::{Caller, IfMatch, Json, Path, Query};
use bloom_web::{Empty, Reply};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{PricingRead, PricingWrite, rows_of};
use crate::Pricing;
use crate::domain::price::{Price, PriceInput, PriceUpdate};
use crate::ops::change_price::{price_change, price_remove};
use crate::ops::set_prices::{PricesChanged, PricesSet, price_create as create, prices_set as set};
use crate::store::price::{Position, price_get as get, price_page};

/// Which prices are wanted.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PriceQuery {
    /// Items per page, 1 to 100; 20 when absent.
    #[serde(default)]
    pub limit: Limit,
    /// `next` of the page before.
    pub cursor: Option<String>,
    /// Of this list.
    pub price_list_id: Option<PriceListId>,
    /// For this variant.
    pub variant_id: Option<VariantId>,
}

/// The routes of prices.
pub fn routes() -> ApiRouter<Pricing> {
    ApiRouter::new()
        .api_route(
            "/v1/pricing/prices",
            post_with(price_create, |op| {
                op.id("price_create")
                    .tag("pricing")
                    .summary("Create a price")
                    .description("Takes any variant id: whether the catalogue has it is decided where it is sold, and not here.")
            })
            .get_with(price_list, |op| op.id("prices_list").tag("pricing").summary("List prices by list, variant and quantity")),
        )
        .api_route(
            "/v1/pricing/prices/bulk",
            post_with(prices_set, |op| {
                op.id("prices_set").tag("pricing").summary("Set many prices").description(
                    "Makes or changes prices by list, variant and quantity: all of them, or none when one is refused. Takes any \
                     variant id: whether the catalogue has it is decided where it is sold, and not here.",
                )
            }),
        )
        .api_route(
            "/v1/pricing/prices/{price_id}",
            get_with(price_get, |op| op.id("price_get").tag("pricing").summary("Get a price"))
                .patch_with(price_update, |op| op.id("price_update").tag("pricing").summary("Update a price"))
                .delete_with(price_delete, |op| op.id("price_delete").tag("pricing").summary("Delete a price")),
        )
}

async fn price_create(
    State(app): State<Pricing>,
    caller: Caller<PricingWrite>,
    Json(input): Json<PriceInput>,
) -> Result<Reply<Price, 201>, Fault> {
    create(&app, &caller, input).await
}

async fn prices_set(
    State(app): State<Pricing>,
    caller: Caller<PricingWrite>,
    Json(input): Json<PricesSet>,
) -> Result<Reply<PricesChanged>, Fault> {
    set(&app, &caller, &input).await
}

async fn price_get(
    State(app): State<Pricing>,
    caller: Caller<PricingRead>,
    Path(id): Path<PriceId>,
) -> Result<Reply<Price>, Fault> {
    let mut conn = app.db.read(caller.tenant).await?;
    let price = get(&mut conn, id).await?.ok_or_else(|| Fault::not_found("price"))?;
    let version = price.version;
    Ok(Reply::ok(price).etag(version))
}

async fn price_update(
    State(app): State<Pricing>,
    caller: Caller<PricingWrite>,
    Path(id): Path<PriceId>,
    if_match: IfMatch,
    Json(input): Json<PriceUpdate>,
) -> Result<Reply<Price>, Fault> {
    price_change(&app, &caller, id, if_match.required()?, input).await
}

async fn price_delete(
    State(app): State<Pricing>,
    caller: Caller<PricingWrite>,
    Path(id): Path<PriceId>,
    if_match: IfMatch,
) -> Result<Reply<Empty, 204>, Fault> {
    price_remove(&app, &caller, id, if_match.required()?).await
}

async fn price_list(
    State(app): State<Pricing>,
    caller: Caller<PricingRead>,
    Query(query): Query<PriceQuery>,
) -> Result<Reply<Page<Price>>, Fault> {
    let PriceQuery { limit, cursor, price_list_id, variant_id } = query;
    let filter = format!("prices {price_list_id:?} {variant_id:?}");
    let after = app.cursors.position(caller.tenant, filter.as_bytes(), cursor.as_deref())?;
    let mut conn = app.db.read(caller.tenant).await?;
    let rows = price_page(&mut conn, price_list_id, variant_id, after, rows_of(limit)).await?;
    Ok(Reply::ok(app.cursors.page(caller.tenant, filter.as_bytes(), limit, rows, |price| Position::from(price))))
}
