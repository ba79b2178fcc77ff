//! API keys: created, replaced, revoked, and resolved to their holder for a gateway.

mod create;
mod issue;
mod model;
mod resolve;
mod revocation;
mod revoke;
mod rotate;
mod routes;
mod scopes;
mod store;
mod usage;

#[cfg(test)]
mod tests;

pub(crate) use issue::issue;
pub(crate) use model::{ApiKey, IssuedKey, KeyKind, KeyMode, KeyName, NewKey};
pub(crate) use resolve::resolve;
pub(crate) use revocation::list_revocations;
pub(crate) use routes::routes;
pub(crate) use scopes::grant;
pub(crate) use store::{api_key_export, revocations_missing};
pub(crate) use usage::{Usage, write_usage};
