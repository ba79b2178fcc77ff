//! Accounts: a bearer key of the right form is an account, and an account has one webhook endpoint.

mod key;
mod routes;
mod store;

pub(crate) use key::{Account, IdempotencyKey, KeyQuery, background};
pub(crate) use routes::routes;
pub(crate) use store::endpoint_get;
