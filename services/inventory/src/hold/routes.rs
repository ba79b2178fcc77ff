//! `/v1/inventory/holds`

use axum::extract::State;
use bloom_fault::Fault;
use bloom_kernel::HoldId;
use bloom_web::{Caller, List, Page, Path, Reply, Routes};

use super::extend::extend;
use super::model::{Hold, HoldFilter};
use super::place::create;
use super::release::release;
use super::store::{hold_get, hold_list};
use crate::{Inventory, InventoryRead};

pub(crate) fn routes() -> Routes<Inventory> {
    Routes::new("/v1/inventory/holds")
        .post("hold_create", "Create a hold", create)
        .get("hold_list", "List holds, newest first", list)
        .at("/{hold_id}")
        .get("hold_get", "Get a hold", get)
        .at("/{hold_id}/extend")
        .post("hold_extend", "Extend a hold", extend)
        .at("/{hold_id}/release")
        .post("hold_release", "Release a hold", release)
}

async fn list(
    State(app): State<Inventory>,
    caller: Caller<InventoryRead>,
    List(page): List<HoldFilter>,
) -> Result<Reply<Page<Hold>>, Fault> {
    let mut conn = app.db.read(caller.tenant).await?;
    let now = app.context.now(caller.tenant);
    let rows = hold_list(&mut conn, page.filter.status, page.after()?, now, page.rows()).await?;
    Ok(page.finish(rows.into_iter().map(|hold| hold.at(now)).collect(), |hold| hold.id))
}

async fn get(State(app): State<Inventory>, caller: Caller<InventoryRead>, Path(id): Path<HoldId>) -> Result<Reply<Hold>, Fault> {
    let mut conn = app.db.read(caller.tenant).await?;
    let stored = hold_get(&mut conn, id).await?.ok_or_else(|| Fault::not_found("hold"))?;
    Ok(Reply::ok(stored.hold.at(app.context.now(caller.tenant))))
}
