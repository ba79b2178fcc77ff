//! Carts. A write of a buyer calls catalog, pricing and inventory first and then changes the version that the buyer saw. A checkout
//! freezes the cart, and then completes or unfreezes it.

mod change;
mod complete;
mod create;
mod delivery_options;
mod document;
mod expire;
mod freeze;
mod get;
mod model;
mod personal;
mod price;
mod pricing;
mod problem;
mod routes;
mod store;
mod unfreeze;

#[cfg(test)]
mod tests;

pub(crate) use complete::complete;
pub(crate) use expire::{EXPIRY_TIMER, expire};
pub(crate) use freeze::{Freeze, freeze};
pub(crate) use model::{CartLine, CartStatus};
pub(crate) use routes::routes;
pub(crate) use store::{StoredCart, cart_export, carts_with_wrong_total};
pub(crate) use unfreeze::unfreeze;
