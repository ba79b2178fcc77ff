//! `/v1/carts`. All operations, reads too, require `carts:write`; the token of the cart decides which cart a storefront may see.

use aide::axum::ApiRouter;
use aide::axum::routing::{get_with, patch_with, post_with};

use super::change::{line_remove, line_update, lines_add, update};
use super::create::create;
use super::delivery_options::delivery_options;
use super::get::get;
use crate::Carts;

pub(crate) fn routes() -> ApiRouter<Carts> {
    ApiRouter::new()
        .api_route("/v1/carts", post_with(create, |op| op.id("cart_create").tag("carts").summary("Create a cart")))
        .api_route(
            "/v1/carts/{cart_id}",
            get_with(get, |op| op.id("cart_get").tag("carts").summary("Get a cart and its problems")).patch_with(update, |op| {
                op.id("cart_update").tag("carts").summary("Update e-mail, addresses, delivery option or metadata of a cart")
            }),
        )
        .api_route(
            "/v1/carts/{cart_id}/lines",
            post_with(lines_add, |op| op.id("cart_line_add").tag("carts").summary("Add lines to a cart")),
        )
        .api_route(
            "/v1/carts/{cart_id}/lines/{line_id}",
            patch_with(line_update, |op| op.id("cart_line_update").tag("carts").summary("Update the quantity of a line"))
                .delete_with(line_remove, |op| op.id("cart_line_remove").tag("carts").summary("Remove a line from a cart")),
        )
        .api_route(
            "/v1/carts/{cart_id}/delivery-options",
            get_with(delivery_options, |op| {
                op.id("cart_delivery_options").tag("carts").summary("List delivery options for a cart, with what each costs")
            }),
        )
}
