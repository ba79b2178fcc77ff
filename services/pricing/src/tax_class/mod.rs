//! Tax classes: variants that are taxed alike. They are never deleted, because products refer to them.

mod model;
mod routes;
mod store;
#[cfg(test)]
mod tests;

pub(crate) use routes::routes;
pub(crate) use store::{tax_class_export, tax_class_find};
