//! Product types: which attributes their products have.

pub(crate) mod model;
mod publish;
mod routes;
mod store;
#[cfg(test)]
mod tests;

pub(crate) use model::{Attributes, ProductType};
pub(crate) use routes::routes;
pub(crate) use store::{product_type_find, product_type_list};
