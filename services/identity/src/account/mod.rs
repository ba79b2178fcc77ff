//! Accounts: the customers of Bloom. An operator creates one with its live environment, a sandbox and their first keys.

mod create;
mod model;
mod routes;
mod store;

pub(crate) use create::create;
pub use model::{AccountCreate, AccountCreated};
pub(crate) use routes::routes;
pub(crate) use store::accounts_without_one_live_environment;
