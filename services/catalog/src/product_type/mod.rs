//! Product types: which attributes their products have.

mod model;
mod routes;
mod store;
#[cfg(test)]
mod tests;

pub(crate) use model::{AttributeValue, Attributes, ProductType};
pub(crate) use routes::routes;
pub(crate) use store::{product_type_export, product_type_find};
