//! Bulk import: lines are spooled while they arrive ([`receive`]), then a timer goes on with the import ([`run`]): chunk by
//! chunk to the catalogue ([`apply`]), and on to pricing and inventory ([`push`]).
//!
//! A killed process loses nothing that was acknowledged: each chunk is applied in one transaction with its checkpoint,
//! handing on prices and stock is safe to do twice, and the timer fires again.

pub mod apply;
pub mod push;
pub mod receive;
pub mod run;
mod working;

/// Kind of the timer that goes on with an import; its key is the import's id.
pub const TIMER: &str = "catalog.import";
/// Kind of the timer that forgets an import.
pub const FORGET_TIMER: &str = "catalog.import_forget";
