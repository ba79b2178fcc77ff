//! Connections: how a tenant reaches a payment provider, `/v1/payments/connections`. Their secrets are sealed.

mod cache;
mod create;
mod model;
mod registration;
mod routes;
mod secrets;
mod store;
#[cfg(test)]
mod tests;
mod update;

pub(crate) use cache::{ConnectionCache, ConnectionSelector, OpenConnection};
pub(crate) use registration::refresh_registration;
pub(crate) use routes::routes;
pub(crate) use store::{connection_export, connection_tenant};
