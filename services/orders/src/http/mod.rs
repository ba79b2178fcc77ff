//! The REST surface: one file a resource.

mod checkouts;
mod fulfilments;
mod orders;
mod settings;

use aide::axum::ApiRouter;
use bloom_web::permissions;

use crate::Orders;

permissions! {
    CheckoutsWrite = "checkouts:write",
    OrdersRead = "orders:read",
    OrdersWrite = "orders:write",
}

/// All routes.
pub fn routes(app: Orders) -> ApiRouter<()> {
    checkouts::routes().merge(orders::routes()).merge(fulfilments::routes()).merge(settings::routes()).with_state(app)
}
