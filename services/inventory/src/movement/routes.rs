//! `/v1/inventory/movements`

use axum::extract::State;
use bloom_fault::Fault;
use bloom_kernel::ViolationCode;
use bloom_web::{Caller, List, Page, Reply, Routes};

use super::model::{Movement, MovementFilter};
use super::store::movement_list;
use crate::{Inventory, InventoryRead};

pub(crate) fn routes() -> Routes<Inventory> {
    Routes::new("/v1/inventory/movements").get("movement_list", "List movements, newest first", list)
}

async fn list(
    State(app): State<Inventory>,
    caller: Caller<InventoryRead>,
    List(page): List<MovementFilter>,
) -> Result<Reply<Page<Movement>>, Fault> {
    if page.filter.location_id.is_some() && page.filter.variant_id.is_none() {
        let detail = "Movements at a location are listed by variant: add variant_id.";
        return Err(Fault::invalid("variant_id", ViolationCode::Required, detail));
    }
    let mut conn = app.db.read(caller.tenant).await?;
    let rows = movement_list(&mut conn, page.filter, page.after()?, page.rows()).await?;
    Ok(page.finish(rows, |movement| movement.id))
}
