//! Settings of a shop's orders: when money is captured, and when an unpaid order expires.

mod model;
mod routes;
mod store;
#[cfg(test)]
mod tests;

pub(crate) use model::CaptureMode;
pub(crate) use routes::routes;
pub(crate) use store::settings_get;
