//! `/v1/inventory/items`

use axum::extract::State;
use bloom_fault::Fault;
use bloom_kernel::{LocationId, VariantId};
use bloom_web::{Body, Caller, Created, Doc, IfMatch, List, Page, Path, Reply, Routes};

use super::model::{Item, ItemCreate, ItemFilter, ItemUpdate, Level};
use super::store::{item_get, item_insert, item_list, item_settings_lock, item_settings_update};
use crate::movement::{ItemKey, MovementKind, movement_correct};
use crate::units::Units;
use crate::{Inventory, InventoryRead, InventoryWrite};

pub(crate) fn routes() -> Routes<Inventory> {
    let any_variant = "Takes any variant id: whether the catalogue has it is decided where it is sold, and not here.";
    Routes::new("/v1/inventory/items")
        .post("item_create", Doc::new("Stock a variant at a location").describe(any_variant), create)
        .get("item_list", "List items with their levels", list)
        .at("/{variant_id}/{location_id}")
        .get("item_get", "Get an item with its levels", get)
        .patch("item_update", "Update the settings of an item", update)
}

/// Records the initial units as a count.
async fn create(
    State(app): State<Inventory>,
    caller: Caller<InventoryWrite>,
    Body(input): Body<ItemCreate>,
) -> Result<Created<Item>, Fault> {
    app.db
        .idempotent(caller.operation("item_create", &input), async |tx| {
            let now = tx.now();
            let key = ItemKey { variant_id: input.variant_id, location_id: input.location_id };
            item_insert(tx, &Item::new(&Level::empty(&input), 1, now, now)).await?;
            if 0 < input.on_hand.get() {
                let delta = (tx.new_id(), key, input.on_hand.get());
                movement_correct(tx, MovementKind::Counted, None, &[delta]).await?;
            }
            app.stock_changed(tx);
            reply(item_get(tx, key, now).await?)
        })
        .await
}

async fn list(
    State(app): State<Inventory>,
    caller: Caller<InventoryRead>,
    List(page): List<ItemFilter>,
) -> Result<Reply<Page<Item>>, Fault> {
    let mut conn = app.db.read(caller.tenant).await?;
    let now = app.context.now(caller.tenant);
    let rows = item_list(&mut conn, &page.filter, page.after()?, now, page.rows()).await?;
    Ok(page.finish(rows, |item| (item.variant_id, item.location_id)))
}

async fn get(
    State(app): State<Inventory>,
    caller: Caller<InventoryRead>,
    Path((variant_id, location_id)): Path<(VariantId, LocationId)>,
) -> Result<Reply<Item>, Fault> {
    let mut conn = app.db.read(caller.tenant).await?;
    reply(item_get(&mut conn, ItemKey { variant_id, location_id }, app.context.now(caller.tenant)).await?)
}

/// A backorder limit below the promised units leaves a shortfall; no more units are sold.
async fn update(
    State(app): State<Inventory>,
    caller: Caller<InventoryWrite>,
    Path((variant_id, location_id)): Path<(VariantId, LocationId)>,
    if_match: IfMatch,
    Body(input): Body<ItemUpdate>,
) -> Result<Reply<Item>, Fault> {
    let key = ItemKey { variant_id, location_id };
    app.db
        .idempotent(caller.operation("item_update", &(variant_id, location_id, &input)), async |tx| {
            let present = item_settings_lock(tx, key).await?.ok_or_else(not_found)?;
            // The version may have changed since the caller read the item, as long as the settings have not: sales also change it.
            if !(present.settings_version..=present.version).contains(&if_match.required()?) {
                return Err(IfMatch::stale());
            }
            let safety_stock = input.safety_stock.map_or(present.safety_stock, Units::get);
            let backorder_limit = input.backorder_limit.map_or(present.backorder_limit, Units::get);
            let now = tx.now();
            item_settings_update(tx, key, safety_stock, backorder_limit, now).await?;
            app.stock_changed(tx);
            reply(item_get(tx, key, now).await?)
        })
        .await
}

fn reply<const STATUS: u16>(item: Option<Item>) -> Result<Reply<Item, STATUS>, Fault> {
    let item = item.ok_or_else(not_found)?;
    let version = item.version;
    Ok(Reply::new(item).etag(version))
}

fn not_found() -> Fault {
    Fault::not_found("item")
}
