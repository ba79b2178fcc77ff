//! Adjustments: people correct what is on hand.

mod model;
mod routes;

pub(crate) use model::AdjustmentKind;
pub(crate) use routes::routes;
