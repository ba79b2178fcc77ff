//! Bulk import: the lines are spooled while they arrive (`receive`); then a timer works on the import (`run`) and applies chunk
//! by chunk to the catalogue (`apply`), and passes prices and stock on to their owners (`push`).
//!
//! A killed process loses nothing that was acknowledged: each chunk is applied in one transaction with its checkpoint, pushing
//! prices and stock is safe to repeat, and the timer fires again.

mod apply;
mod bisect;
mod finish;
mod line;
mod model;
mod push;
mod receive;
mod references;
mod routes;
mod run;
mod splitter;
mod store;
#[cfg(test)]
mod tests;
mod workspace;

pub(crate) use model::{DELETE_TIMER, TIMER};
pub(crate) use routes::routes;
pub(crate) use run::{delete_import, run_import};
