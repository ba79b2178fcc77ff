//! `/v1/inventory/locations`

use axum::extract::State;
use bloom_events::Publish as _;
use bloom_fault::Fault;
use bloom_kernel::LocationId;
use bloom_web::{Body, Caller, Created, IfMatch, List, NoFilter, Page, Path, Reply, Routes};

use super::model::{Location, LocationCreate, LocationUpdate};
use super::store::{location_get, location_insert, location_list, location_lock, location_update};
use crate::{Inventory, InventoryRead, InventoryWrite};

pub(crate) fn routes() -> Routes<Inventory> {
    Routes::new("/v1/inventory/locations")
        .post("location_create", "Create a location", create)
        .get("location_list", "List locations by priority", list)
        .at("/{location_id}")
        .get("location_get", "Get a location", get)
        .patch("location_update", "Update a location", update)
}

async fn create(
    State(app): State<Inventory>,
    caller: Caller<InventoryWrite>,
    Body(input): Body<LocationCreate>,
) -> Result<Created<Location>, Fault> {
    app.db
        .idempotent(caller.operation("location_create", &input), async |tx| {
            let location = Location::new(tx.new_id(), tx.now(), input);
            location_insert(tx, &location).await?;
            tx.publish(&location);
            Ok(location)
        })
        .await
}

async fn list(
    State(app): State<Inventory>,
    caller: Caller<InventoryRead>,
    List(page): List<NoFilter>,
) -> Result<Reply<Page<Location>>, Fault> {
    let mut conn = app.db.read(caller.tenant).await?;
    let rows = location_list(&mut conn, page.after()?, page.rows()).await?;
    Ok(page.finish(rows, |location| (location.priority, location.id)))
}

async fn get(
    State(app): State<Inventory>,
    caller: Caller<InventoryRead>,
    Path(id): Path<LocationId>,
) -> Result<Reply<Location>, Fault> {
    let mut conn = app.db.read(caller.tenant).await?;
    let location = location_get(&mut conn, id).await?.ok_or_else(not_found)?;
    Ok(location.into())
}

/// Stock events contain the location's fields, so those of all its variants are published again.
async fn update(
    State(app): State<Inventory>,
    caller: Caller<InventoryWrite>,
    Path(id): Path<LocationId>,
    if_match: IfMatch,
    Body(input): Body<LocationUpdate>,
) -> Result<Reply<Location>, Fault> {
    app.db
        .idempotent(caller.operation("location_update", &(id, &input)), async |tx| {
            let mut location = location_lock(tx, id).await?.ok_or_else(not_found)?;
            if_match.check(location.version)?;
            location.update(tx.now(), input);
            location_update(tx, &location).await?;
            tx.publish(&location);
            app.stock_changed(tx);
            Ok(location)
        })
        .await
}

fn not_found() -> Fault {
    Fault::not_found("location")
}
