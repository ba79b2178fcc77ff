//! Tax rates: a share that is due in a zone for a class.

mod model;
mod routes;
mod store;
#[cfg(test)]
mod tests;

pub(crate) use routes::routes;
pub(crate) use store::{rate_from_ppm, tax_rate_export};
