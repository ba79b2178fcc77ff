//! Items: a variant at a location, with its levels and settings.

mod model;
mod routes;
mod store;

pub(crate) use model::Level;
pub(crate) use routes::routes;
pub(crate) use store::{item_ensure, item_lock};
#[cfg(test)]
pub(crate) use {
    model::ItemFilter,
    store::{item_get, item_list},
};
