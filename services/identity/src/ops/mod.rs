//! Use cases, one a file.

pub mod create_account;
pub mod create_api_key;
pub mod create_environment;
mod found_environment;
mod issue_key;
pub mod list_revocations;
pub mod resolve_key;
pub mod revoke_api_key;
pub mod rotate_api_key;
pub mod update_environment;
