//! What pricing knows, without IO: lists and taxes as they are set up, which price wins, what tax is due, what a quote
//! sums up to.
//!
//! Absent by design: no clock, no database, no randomness. The moment, the rows and the tax table are arguments, so
//! the quote of a route, the quote of a cart and the price of the listing are one and the same calculation.

pub mod bounded;
pub mod choice;
pub mod listing;
pub mod place;
pub mod price;
pub mod price_list;
pub mod quote;
pub mod tax;
pub mod tax_setup;
