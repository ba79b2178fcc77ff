//! Delivery options: ways to deliver, where they serve, and their tables of charges.

mod create;
mod model;
mod routes;
mod store;
mod update;

#[cfg(test)]
mod tests;

pub(crate) use model::{DeliveryOption, Parcel};
pub(crate) use routes::routes;
pub(crate) use store::{delivery_option_export, delivery_option_get, delivery_option_list};
