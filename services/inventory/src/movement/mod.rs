//! The ledger: every change of stock is a movement, and nothing else changes levels.

mod model;
mod routes;
mod store;

pub(crate) use model::{ItemKey, Movement, MovementKind};
pub(crate) use routes::routes;
pub(crate) use store::{PastLine, movement_correct, movement_expire, movement_get};
#[cfg(test)]
pub(crate) use {model::MovementFilter, store::movement_list};
