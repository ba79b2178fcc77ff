//! Tax: the tables of a tenant in memory, and the tax of one amount.

mod cache;
mod model;
mod store;
#[cfg(test)]
mod tests;

pub(crate) use cache::TaxCache;
pub(crate) use model::{
    Class, CountryTaxes, Due, DueRate, OutOfRange, RateTax, RoundingStep, TaxRules, TaxTables, TaxZoneSummary, Taxed,
    UnknownClass, due, net_of, tax_of_gross, tax_of_net,
};
