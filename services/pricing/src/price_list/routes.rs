//! `/v1/pricing/price-lists`

use aide::axum::ApiRouter;
use aide::axum::routing::{get_with, post_with};
use axum::extract::State;
use bloom_fault::Fault;
use bloom_kernel::{ChannelId, Currency, Limit, PriceListId};
use bloom_runtime::http::page::Page;
use bloom_runtime::http::{Caller, IfMatch, Json, Path, Query};
use bloom_runtime::{Begin, Reply};
use schemars::JsonSchema;
use serde::Deserialize;

use super::dates::dates_schedule;
use super::model::{PriceList, PriceListCreate, PriceListStatus, PriceListUpdate};
use super::store::{PriceListFilter, price_list_get, price_list_insert, price_list_lock, price_list_page, price_list_update};
use crate::Pricing;
use crate::channel::channel_check;
use crate::error::refusal;
use crate::events::publish_event;
use crate::permissions::{PricingRead, PricingWrite};
use crate::terms::{TermsChange, republish_schedule, terms_lock_exclusive};

pub(crate) fn routes() -> ApiRouter<Pricing> {
    ApiRouter::new()
        .api_route(
            "/v1/pricing/price-lists",
            post_with(create, |op| op.id("price_list_create").tag("pricing").summary("Create a price list"))
                .get_with(list, |op| op.id("price_list_list").tag("pricing").summary("List price lists, oldest first")),
        )
        .api_route(
            "/v1/pricing/price-lists/{price_list_id}",
            get_with(get, |op| op.id("price_list_get").tag("pricing").summary("Get a price list"))
                .patch_with(update, |op| op.id("price_list_update").tag("pricing").summary("Update a price list")),
        )
}

/// A new list holds no prices, so nothing is published again.
async fn create(
    State(app): State<Pricing>,
    caller: Caller<PricingWrite>,
    Json(input): Json<PriceListCreate>,
) -> Result<Reply<PriceList, 201>, Fault> {
    channel_check(&app, &caller, input.channel_id).await?;
    let mut tx = match app.db.begin(&caller, "price_list_create", &input).await? {
        Begin::Replay(reply) => return Ok(reply),
        Begin::Run(tx) => tx,
    };
    let now = app.host.now(caller.tenant);
    let list = PriceList::new(app.host.id(caller.tenant), now, input)?;
    price_list_insert(&mut tx, &list).await.map_err(refusal)?;
    dates_schedule(&mut tx, now, &list).await?;
    publish_event(&app, &mut tx, &caller, "price_list.created", (list.id, list.version), &list).await?;
    let version = list.version;
    tx.finish(Reply::created(list).etag(version)).await
}

/// Which price lists a page holds.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PriceListQuery {
    /// Items per page, 1 to 100; 20 when absent.
    #[serde(default)]
    limit: Limit,
    /// `next` of the page before.
    cursor: Option<String>,
    /// Of this status.
    status: Option<PriceListStatus>,
    /// In this currency.
    currency: Option<Currency>,
    /// For this channel only.
    channel_id: Option<ChannelId>,
}

async fn list(
    State(app): State<Pricing>,
    caller: Caller<PricingRead>,
    Query(query): Query<PriceListQuery>,
) -> Result<Reply<Page<PriceList>>, Fault> {
    let PriceListQuery { limit, cursor, status, currency, channel_id } = query;
    let filter = format!("price_lists {status:?} {currency:?} {channel_id:?}");
    let after = app.cursors.position(caller.tenant, filter.as_bytes(), cursor.as_deref())?;
    let mut conn = app.db.read(caller.tenant).await?;
    let rows = price_list_page(&mut conn, PriceListFilter { status, currency, channel_id }, after, limit.get() + 1).await?;
    Ok(Reply::ok(app.cursors.page(caller.tenant, filter.as_bytes(), limit, rows, |list| list.id)))
}

async fn get(
    State(app): State<Pricing>,
    caller: Caller<PricingRead>,
    Path(id): Path<PriceListId>,
) -> Result<Reply<PriceList>, Fault> {
    let mut conn = app.db.read(caller.tenant).await?;
    let list = price_list_get(&mut conn, id).await?.ok_or_else(|| Fault::not_found("price list"))?;
    let version = list.version;
    Ok(Reply::ok(list).etag(version))
}

/// Changes the terms; a pass publishes the variants of the list again.
async fn update(
    State(app): State<Pricing>,
    caller: Caller<PricingWrite>,
    Path(id): Path<PriceListId>,
    if_match: IfMatch,
    Json(input): Json<PriceListUpdate>,
) -> Result<Reply<PriceList>, Fault> {
    if_match.required()?;
    channel_check(&app, &caller, input.channel_id.flatten()).await?;
    let mut tx = match app.db.begin(&caller, "price_list_update", &(id, &input)).await? {
        Begin::Replay(reply) => return Ok(reply),
        Begin::Run(tx) => tx,
    };
    terms_lock_exclusive(&mut tx).await?;
    let mut list = price_list_lock(&mut tx, id).await?.ok_or_else(|| Fault::not_found("price list"))?;
    if_match.check(list.version)?;
    let now = app.host.now(caller.tenant);
    list.update(now, input)?;
    price_list_update(&mut tx, &list).await.map_err(refusal)?;
    dates_schedule(&mut tx, now, &list).await?;
    republish_schedule(&mut tx, now, TermsChange::PriceList(id, list.version)).await?;
    publish_event(&app, &mut tx, &caller, "price_list.updated", (id, list.version), &list).await?;
    let version = list.version;
    tx.finish(Reply::ok(list).etag(version)).await
}
