//! `/v1/inventory/items`

use aide::axum::ApiRouter;
use aide::axum::routing::{get_with, post_with};
use axum::extract::State;
use bloom_fault::Fault;
use bloom_kernel::{Limit, LocationId, VariantId};
use bloom_web::Reply;
use bloom_web::page::Page;
use bloom_web::{Caller, IfMatch, Json, Path, Query};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{InventoryRead, InventoryWrite};
use crate::Inventory;
use crate::domain::QUANTITY_MAX;
use crate::domain::item::Item;
use crate::ops::create_item::create_item;
use crate::ops::update_item::update_item;
use crate::store::item::{ItemKey, item_get, item_list, item_list_at};

/// A variant that begins to be stocked at a location.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ItemCreate {
    /// The variant. It is not asked whether the catalogue has it: stock may come before the product, and without one none of
    /// it is sold.
    pub variant_id: VariantId,
    /// The location.
    pub location_id: LocationId,
    /// Units that lie there already.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1_000_000_000))]
    pub on_hand: i64,
    /// Units that are never sold.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1_000_000_000))]
    pub safety_stock: i64,
    /// Units that may be sold though they are not there.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1_000_000_000))]
    pub backorder_limit: i64,
}

/// Other settings of an item; a field left out stays as it is.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ItemUpdate {
    /// Units that are never sold.
    #[schemars(range(min = 0, max = 1_000_000_000))]
    pub safety_stock: Option<i64>,
    /// Units that may be sold though they are not there.
    #[schemars(range(min = 0, max = 1_000_000_000))]
    pub backorder_limit: Option<i64>,
}

/// Which items a list shows.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ItemQuery {
    /// Items of this variant.
    pub variant_id: Option<VariantId>,
    /// Items at this location.
    pub location_id: Option<LocationId>,
    /// Items per page.
    #[serde(default)]
    pub limit: Limit,
    /// `next` of the page before.
    pub cursor: Option<String>,
}

fn check(fields: &[(&str, Option<i64>)]) -> Result<(), Fault> {
    for (name, value) in fields {
        if value.is_some_and(|value| !(0..=QUANTITY_MAX).contains(&value)) {
            let rule = format!("This is a whole number from 0 to {QUANTITY_MAX}.");
            return Err(Fault::invalid(format!("/{name}"), "quantity_out_of_range", rule));
        }
    }
    Ok(())
}

pub(super) fn routes() -> ApiRouter<Inventory> {
    ApiRouter::new()
        .api_route(
            "/v1/inventory/items",
            post_with(create, |op| {
                op.id("item_create")
                    .tag("inventory")
                    .summary("Stock a variant at a location")
                    .description("Takes any variant id: whether the catalogue has it is decided where it is sold, and not here.")
            })
            .get_with(list, |op| op.id("item_list").tag("inventory").summary("List items with their levels")),
        )
        .api_route(
            "/v1/inventory/items/{variant_id}/{location_id}",
            get_with(fetch, |op| op.id("item_get").tag("inventory").summary("Get an item with its levels"))
                .patch_with(update, |op| op.id("item_update").tag("inventory").summary("Update the settings of an item")),
        )
}

async fn create(
    State(app): State<Inventory>,
    caller: Caller<InventoryWrite>,
    Json(input): Json<ItemCreate>,
) -> Result<Reply<Item, 201>, Fault> {
    check(&[
        ("on_hand", Some(input.on_hand)),
        ("safety_stock", Some(input.safety_stock)),
        ("backorder_limit", Some(input.backorder_limit)),
    ])?;
    create_item(&app, &caller, input).await
}

async fn list(
    State(app): State<Inventory>,
    caller: Caller<InventoryRead>,
    Query(query): Query<ItemQuery>,
) -> Result<Reply<Page<Item>>, Fault> {
    let filter = format!("items {:?} {:?}", query.variant_id, query.location_id);
    let after: Option<(VariantId, LocationId)> =
        app.cursors.position(caller.tenant, filter.as_bytes(), query.cursor.as_deref())?;
    let (now, limit) = (app.host.now(caller.tenant), query.limit.get() + 1);
    let mut conn = app.db.read(caller.tenant).await?;
    let rows = match (query.variant_id, query.location_id) {
        (Some(variant_id), Some(location_id)) => {
            item_get(&mut conn, ItemKey { variant_id, location_id }, now).await?.into_iter().collect()
        }
        (None, Some(location)) => item_list_at(&mut conn, location, after.map(|(variant, _)| variant), now, limit).await?,
        (variant, None) => {
            let after = after.map(|(variant_id, location_id)| ItemKey { variant_id, location_id });
            item_list(&mut conn, variant, after, now, limit).await?
        }
    };
    let position = |item: &Item| (item.variant_id, item.location_id);
    Ok(Reply::ok(app.cursors.page(caller.tenant, filter.as_bytes(), query.limit, rows, position)))
}

async fn fetch(
    State(app): State<Inventory>,
    caller: Caller<InventoryRead>,
    Path((variant_id, location_id)): Path<(VariantId, LocationId)>,
) -> Result<Reply<Item>, Fault> {
    let (key, now) = (ItemKey { variant_id, location_id }, app.host.now(caller.tenant));
    let item = item_get(&mut *app.db.read(caller.tenant).await?, key, now).await?.ok_or_else(|| Fault::not_found("item"))?;
    let version = item.version;
    Ok(Reply::ok(item).etag(version))
}

async fn update(
    State(app): State<Inventory>,
    caller: Caller<InventoryWrite>,
    Path((variant_id, location_id)): Path<(VariantId, LocationId)>,
    if_match: IfMatch,
    Json(input): Json<ItemUpdate>,
) -> Result<Reply<Item>, Fault> {
    check(&[("safety_stock", input.safety_stock), ("backorder_limit", input.backorder_limit)])?;
    update_item(&app, &caller, ItemKey { variant_id, location_id }, if_match, input).await
}
