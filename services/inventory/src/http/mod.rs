//! REST: one file a resource.

pub mod adjustments;
pub mod holds;
pub mod items;
pub mod locations;
pub mod movements;

use aide::axum::ApiRouter;
use bloom_web::permissions;

use crate::Inventory;

permissions! {
    InventoryRead = "inventory:read",
    InventoryWrite = "inventory:write",
}

/// All routes.
pub fn routes(app: Inventory) -> ApiRouter<()> {
    ApiRouter::new()
        .merge(locations::routes())
        .merge(items::routes())
        .merge(movements::routes())
        .merge(adjustments::routes())
        .merge(holds::routes())
        .with_state(app)
}
