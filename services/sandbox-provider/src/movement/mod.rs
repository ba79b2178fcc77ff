//! Movements: captures, voids and refunds under an authorisation.

mod create;
mod model;
mod routes;
mod store;

pub(crate) use routes::routes;
pub(crate) use store::movement_settle;
