//! `/v1/carts`. All operations, reads too, require `carts:write`; the token of the cart decides which cart a storefront may see.

use bloom_web::Routes;

use super::change::{line_remove, line_update, lines_add, update};
use super::create::create;
use super::delivery_options::delivery_options;
use super::get::get;
use crate::Carts;

pub(crate) fn routes() -> Routes<Carts> {
    Routes::new("/v1/carts")
        .post("cart_create", "Create a cart", create)
        .at("/{cart_id}")
        .get("cart_get", "Get a cart and its problems", get)
        .patch("cart_update", "Update e-mail, addresses, delivery option or metadata of a cart", update)
        .at("/{cart_id}/lines")
        .post("cart_line_add", "Add lines to a cart", lines_add)
        .at("/{cart_id}/lines/{line_id}")
        .patch("cart_line_update", "Update the quantity of a line", line_update)
        .delete("cart_line_remove", "Remove a line from a cart", line_remove)
        .at("/{cart_id}/delivery-options")
        .get("cart_delivery_options", "List delivery options for a cart, with what each costs", delivery_options)
}
