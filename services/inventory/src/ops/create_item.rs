//! A variant that begins to be stocked at a location.

use bloom_db::Begin;
use bloom_fault::Fault;
use bloom_runtime::RequestContext;
use bloom_web::Reply;

use crate::domain::item::{Item, Level};
use crate::domain::movement::MovementKind;
use crate::http::items::ItemCreate;
use crate::store::item::{ItemKey, item_get, item_insert};
use crate::store::movement::{Stamp, movement_correct};
use crate::{Inventory, error};

/// Creates an item; units that lie there already come in as a count.
pub async fn create_item(app: &Inventory, call: &RequestContext, input: ItemCreate) -> Result<Reply<Item, 201>, Fault> {
    let mut tx = match app.db.begin(call, "item_create", &input).await? {
        Begin::Replay(reply) => return Ok(reply),
        Begin::Run(tx) => tx,
    };
    let now = app.host.now(call.tenant);
    let key = ItemKey { variant_id: input.variant_id, location_id: input.location_id };
    let level = Level {
        variant_id: input.variant_id,
        location_id: input.location_id,
        on_hand: 0,
        allocated: 0,
        held: 0,
        safety_stock: input.safety_stock,
        backorder_limit: input.backorder_limit,
    };
    item_insert(&mut tx, call.tenant, &Item::new(&level, 1, now, now)).await.map_err(error::database)?;
    if 0 < input.on_hand {
        let stamp = Stamp { tenant: call.tenant, actor: &call.actor, now };
        let delta = (app.host.id(call.tenant), key, input.on_hand);
        movement_correct(&mut tx, stamp, MovementKind::Counted, None, &[delta]).await.map_err(error::database)?;
    }
    let item = item_get(&mut tx, key, now).await?.ok_or_else(|| Fault::not_found("item"))?;
    let version = item.version;
    let reply = tx.finish(Reply::created(item).etag(version)).await?;
    app.marks.left(call.tenant);
    Ok(reply)
}
