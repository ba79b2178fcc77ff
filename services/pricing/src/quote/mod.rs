//! Quotes: the choice of a price row for each line, the calculation of a document, and the reasons for both.

mod calculate;
mod choose;
mod create;
mod explained;
mod model;
mod price_lines;
mod store;
#[cfg(test)]
pub(crate) mod tests;

pub(crate) use calculate::{Calculation, Delivery, Position, PricedAmounts, TaxSummary, price};
pub(crate) use choose::choose;
pub(crate) use create::routes;
pub(crate) use model::{Candidate, QuoteContext};
pub(crate) use price_lines::{LINES_MAX, QuoteRequest, RequestedLine, price_lines};
pub(crate) use store::candidates_of_variants;
