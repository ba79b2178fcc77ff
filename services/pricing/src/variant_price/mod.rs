//! The price of one unit of a variant in each channel: what the catalog's listing shows.

mod model;
mod reprice;
mod store;
#[cfg(test)]
mod tests;

pub(crate) use model::{VARIANT_PRICE_UPDATED, VariantPrice, VariantPriceRow};
pub(crate) use reprice::{prices_at, reprice, reprice_and_publish};
pub(crate) use store::{variant_prices_after, variant_prices_claim, variant_prices_lock};
