//! The category tree. Moving a category moves its subtree, and the listings of all products in it follow.

mod model;
mod publish;
mod routes;
mod store;
#[cfg(test)]
mod tests;

pub(crate) use model::{Category, CategoryCreate, DEPTH_MAX, check_name};
pub(crate) use publish::publish_categories;
pub(crate) use routes::routes;
pub(crate) use store::{category_insert, category_list, category_paths};
