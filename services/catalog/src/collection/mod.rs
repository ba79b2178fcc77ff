//! Collections: products chosen and ordered by hand.

mod model;
mod place;
mod routes;
mod store;
#[cfg(test)]
mod tests;

pub(crate) use routes::routes;
pub(crate) use store::collection_export;
