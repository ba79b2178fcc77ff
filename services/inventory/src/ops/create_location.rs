//! A new location.

use bloom_db::Begin;
use bloom_fault::Fault;
use bloom_runtime::RequestContext;
use bloom_web::Reply;

use crate::domain::location::Location;
use crate::http::locations::LocationCreate;
use crate::store::location::location_insert;
use crate::{Inventory, error, events};

/// Creates a location.
pub async fn create_location(
    app: &Inventory,
    call: &RequestContext,
    input: LocationCreate,
) -> Result<Reply<Location, 201>, Fault> {
    let mut tx = match app.db.begin(call, "location_create", &input).await? {
        Begin::Replay(reply) => return Ok(reply),
        Begin::Run(tx) => tx,
    };
    let now = app.host.now(call.tenant);
    let location = Location {
        id: app.host.id(call.tenant),
        code: input.code,
        name: input.name,
        priority: input.priority,
        active: input.active,
        version: 1,
        created_at: now,
        updated_at: now,
    };
    location_insert(&mut tx, call.tenant, &location).await.map_err(error::database)?;
    events::location_changed(app, &mut tx, call, &location).await?;
    let version = location.version;
    tx.finish(Reply::created(location).etag(version)).await
}
