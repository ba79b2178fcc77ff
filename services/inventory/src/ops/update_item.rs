//! Other settings of an item.

use bloom_db::Begin;
use bloom_fault::Fault;
use bloom_runtime::RequestContext;
use bloom_web::IfMatch;
use bloom_web::Reply;

use crate::domain::item::Item;
use crate::http::items::ItemUpdate;
use crate::store::item::{ItemKey, item_get, item_settings_lock, item_settings_update};
use crate::{Inventory, error};

/// Changes the settings of an item. A backorder limit below what is promised leaves a shortfall; nothing more is sold.
pub async fn update_item(
    app: &Inventory,
    call: &RequestContext,
    key: ItemKey,
    if_match: IfMatch,
    input: ItemUpdate,
) -> Result<Reply<Item>, Fault> {
    let mut tx = match app.db.begin(call, "item_update", &(key.variant_id, key.location_id, &input)).await? {
        Begin::Replay(reply) => return Ok(reply),
        Begin::Run(tx) => tx,
    };
    let now = app.host.now(call.tenant);
    let present = item_settings_lock(&mut tx, key).await?.ok_or_else(|| Fault::not_found("item"))?;
    // Units sold since the caller read the item are no reason to refuse: the settings are still those that it saw.
    if !(present.settings_version..=present.version).contains(&if_match.required()?) {
        return Err(IfMatch::stale());
    }
    let safety_stock = input.safety_stock.unwrap_or(present.safety_stock);
    let backorder_limit = input.backorder_limit.unwrap_or(present.backorder_limit);
    item_settings_update(&mut tx, key, safety_stock, backorder_limit, now).await.map_err(error::database)?;
    let item = item_get(&mut tx, key, now).await?.ok_or_else(|| Fault::not_found("item"))?;
    let version = item.version;
    let reply = tx.finish(Reply::ok(item).etag(version)).await?;
    app.marks.left(call.tenant);
    Ok(reply)
}
