//! SQL, one statement a function. Row-level security picks the account's rows.

pub mod authorisation;
pub mod endpoint;
pub mod movement;
pub mod notice;
