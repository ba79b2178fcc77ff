//! A changed location.

use bloom_db::Begin;
use bloom_fault::Fault;
use bloom_kernel::LocationId;
use bloom_runtime::RequestContext;
use bloom_web::IfMatch;
use bloom_web::Reply;

use crate::domain::location::{Location, LocationChange};
use crate::http::locations::LocationUpdate;
use crate::store::location::{location_lock, location_update};
use crate::{Inventory, error, events};

/// Changes a location. What its variants' stock events say of it is published again.
pub async fn update_location(
    app: &Inventory,
    call: &RequestContext,
    id: LocationId,
    if_match: IfMatch,
    input: LocationUpdate,
) -> Result<Reply<Location>, Fault> {
    let mut tx = match app.db.begin(call, "location_update", &(id, &input)).await? {
        Begin::Replay(reply) => return Ok(reply),
        Begin::Run(tx) => tx,
    };
    let location = location_lock(&mut tx, id).await?.ok_or_else(|| Fault::not_found("location"))?;
    if_match.check(location.version)?;
    let change = LocationChange { code: input.code, name: input.name, priority: input.priority, active: input.active };
    let location = location.changed(change, app.host.now(call.tenant));
    location_update(&mut tx, &location).await.map_err(error::database)?;
    events::location_changed(app, &mut tx, call, &location).await?;
    let version = location.version;
    let reply = tx.finish(Reply::ok(location).etag(version)).await?;
    app.marks.left(call.tenant);
    Ok(reply)
}
