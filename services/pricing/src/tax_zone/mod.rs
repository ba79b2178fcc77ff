//! Tax zones: places with the same taxes. An area belongs to one zone.

mod model;
mod routes;
mod store;
#[cfg(test)]
mod tests;

pub(crate) use routes::routes;
pub(crate) use store::{tax_zone_export, tax_zone_lock};
