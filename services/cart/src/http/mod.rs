//! The REST surface: one file a resource.

mod carts;
mod delivery_options;

use aide::axum::ApiRouter;
use bloom_web::permissions;

use crate::CartService;

permissions! {
    CartsWrite = "carts:write",
    DeliveryOptionsWrite = "delivery_options:write",
}

/// All routes.
pub fn routes(app: CartService) -> ApiRouter<()> {
    carts::routes().merge(delivery_options::routes()).with_state(app)
}
