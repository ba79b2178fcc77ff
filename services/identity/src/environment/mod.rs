//! Environments: the live one and the sandboxes of an account. Each is a tenant of its own.

mod create;
mod model;
mod routes;
mod store;

#[cfg(test)]
mod tests;

pub(crate) use create::add;
pub(crate) use model::{Environment, EnvironmentKind};
pub(crate) use routes::routes;
pub(crate) use store::environment_export;
