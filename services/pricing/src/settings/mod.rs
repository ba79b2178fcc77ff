//! How a tenant calculates: rounding, and the basis of base lists created on demand.

mod model;
mod routes;
mod store;
mod tax_change;
#[cfg(test)]
mod tests;

pub(crate) use routes::routes;
pub(crate) use store::{rounding_from_text, settings_export, settings_get};
pub(crate) use tax_change::tax_change_begin;
