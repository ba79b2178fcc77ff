//! The checkout saga: it buys a cart.
//!
//! | step | do | undo |
//! |---|---|---|
//! | `FreezeCart` | the cart is frozen at the prices that its buyer saw | it is open again |
//! | `HoldStock` | units of every line are held | they are released |
//! | `AuthorisePayment` | the amount is authorised | it is voided, captured money is refunded |
//! | `PlaceOrder` | order, number and event are committed | none: from here on the saga only goes forward |
//! | `CommitHold` | the hold becomes the order's allocation | – |
//! | `CompleteCart` | the cart is completed | – |
//!
//! Every id that a step sends was committed with the checkout's row before the first step, so a step may be repeated and takes effect
//! once. A resumed checkout therefore starts from the first step; no step stores state of its own. The decision to fail is committed
//! before anything is undone, and an order can be placed only while the status allows it: whichever commits first wins.

mod actions;
mod compensate;
mod draft;
pub mod fault_injection;
mod place;
mod run;
mod start;
mod step;
mod store;
#[cfg(test)]
mod tests;

pub(crate) use run::resume;
pub(crate) use start::routes;
pub use step::{STEPS, Step};
