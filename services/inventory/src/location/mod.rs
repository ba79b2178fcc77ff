//! Locations: places with stock, and the order in which they serve.

mod model;
mod routes;
mod store;

pub(crate) use routes::routes;
pub(crate) use store::{location_export, location_find, location_ids};
