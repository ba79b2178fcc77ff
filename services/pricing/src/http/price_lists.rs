//! `/v1/pricing/price-lists`

use aide::axum::ApiRouter;
use aide::axum::routing::{get_with, post_with};
use axum::extract::State;
use bloom_fault::Fault;
use bloom_kernel::{ChannelId, Currency, Limit, PriceListId};
use bloom_web::Reply;
use bloom_web::page::Page;
use bloom_web::{Caller, IfMatch, Json, Path, Query};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{PricingRead, PricingWrite, rows_of};
use crate::Pricing;
use crate::domain::price_list::{PriceList, PriceListCreate, PriceListUpdate, Status};
use crate::ops::change_price_list::{price_list_change, price_list_create as create};
use crate::store::price_list::{Filter, price_list_get as get, price_list_page};

/// Which price lists are wanted.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PriceListQuery {
    /// Items per page, 1 to 100; 20 when absent.
    #[serde(default)]
    pub limit: Limit,
    /// `next` of the page before.
    pub cursor: Option<String>,
    /// Of this status.
    pub status: Option<Status>,
    /// In this currency.
    pub currency: Option<Currency>,
    /// For this channel only.
    pub channel_id: Option<ChannelId>,
}

/// The routes of price lists.
pub fn routes() -> ApiRouter<Pricing> {
    ApiRouter::new()
        .api_route(
            "/v1/pricing/price-lists",
            post_with(price_list_create, |op| op.id("price_list_create").tag("pricing").summary("Create a price list"))
                .get_with(price_list_list, |op| {
                    op.id("price_list_list").tag("pricing").summary("List price lists, oldest first")
                }),
        )
        .api_route(
            "/v1/pricing/price-lists/{price_list_id}",
            get_with(price_list_get, |op| op.id("price_list_get").tag("pricing").summary("Get a price list"))
                .patch_with(price_list_update, |op| op.id("price_list_update").tag("pricing").summary("Update a price list")),
        )
}

async fn price_list_create(
    State(app): State<Pricing>,
    caller: Caller<PricingWrite>,
    Json(input): Json<PriceListCreate>,
) -> Result<Reply<PriceList, 201>, Fault> {
    create(&app, &caller, input).await
}

async fn price_list_get(
    State(app): State<Pricing>,
    caller: Caller<PricingRead>,
    Path(id): Path<PriceListId>,
) -> Result<Reply<PriceList>, Fault> {
    let mut conn = app.db.read(caller.tenant).await?;
    let list = get(&mut conn, id).await?.ok_or_else(|| Fault::not_found("price list"))?;
    let version = list.version;
    Ok(Reply::ok(list).etag(version))
}

async fn price_list_update(
    State(app): State<Pricing>,
    caller: Caller<PricingWrite>,
    Path(id): Path<PriceListId>,
    if_match: IfMatch,
    Json(input): Json<PriceListUpdate>,
) -> Result<Reply<PriceList>, Fault> {
    price_list_change(&app, &caller, id, if_match.required()?, input).await
}

async fn price_list_list(
    State(app): State<Pricing>,
    caller: Caller<PricingRead>,
    Query(query): Query<PriceListQuery>,
) -> Result<Reply<Page<PriceList>>, Fault> {
    let PriceListQuery { limit, cursor, status, currency, channel_id } = query;
    let filter = format!("price_lists {status:?} {currency:?} {channel_id:?}");
    let after = app.cursors.position(caller.tenant, filter.as_bytes(), cursor.as_deref())?;
    let mut conn = app.db.read(caller.tenant).await?;
    let rows = price_list_page(&mut conn, Filter { status, currency, channel_id }, after, rows_of(limit)).await?;
    Ok(Reply::ok(app.cursors.page(caller.tenant, filter.as_bytes(), limit, rows, |list| list.id)))
}
