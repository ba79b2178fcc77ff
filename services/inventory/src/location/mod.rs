//! Locations: where stock lies, and in which order they are asked for it.

mod model;
mod routes;
mod store;

pub(crate) use routes::routes;
pub(crate) use store::{location_export, location_find, location_ids};
