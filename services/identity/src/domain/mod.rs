//! What is legal, decided on values alone.

pub mod account;
pub mod api_key;
pub mod environment;
pub mod scopes;
pub mod text;
