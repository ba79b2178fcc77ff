//! Prices: one amount for a variant in a list, from a quantity on.

mod model;
mod routes;
mod set;
mod store;
#[cfg(test)]
mod tests;

pub(crate) use model::PriceCreate;
pub(crate) use routes::routes;
pub(crate) use set::{PricesChanged, PricesSet, prices_set};
pub(crate) use store::{price_export, price_variants};
