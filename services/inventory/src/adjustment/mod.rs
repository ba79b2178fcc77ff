//! Adjustments: manual corrections of the units on hand.

mod model;
mod routes;

pub(crate) use model::AdjustmentKind;
pub(crate) use routes::routes;
