//! The price of one unit of a variant in each channel: what the catalog's listing shows.

mod model;
mod reprice;
mod store;
#[cfg(test)]
mod tests;

pub(crate) use model::VariantPrice;
pub(crate) use reprice::{prices_at, reprice};
pub(crate) use store::{variant_price_export, variant_prices_after, variant_prices_claim, variant_prices_lock};
