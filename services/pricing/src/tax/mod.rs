//! Tax: the tables of a tenant in memory, and the tax of one amount.

mod cache;
mod model;
mod store;
#[cfg(test)]
mod tests;

pub(crate) use cache::TaxCache;
#[cfg(test)]
pub(crate) use model::{Class, CountryTaxes, DueRate, TaxTables};
pub(crate) use model::{
    Due, OutOfRange, RateTax, RoundingStep, TaxRules, TaxZoneSummary, Taxed, UnknownClass, due, net_of, tax_of_gross, tax_of_net,
};
