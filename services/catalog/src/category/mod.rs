//! The category tree. Moving a category moves its subtree, and the listings of all products in it follow.

mod model;
mod routes;
mod store;
#[cfg(test)]
mod tests;

pub(crate) use model::{Category, CategoryCreate, DEPTH_MAX};
pub(crate) use routes::routes;
pub(crate) use store::{category_export, category_insert, category_paths};
