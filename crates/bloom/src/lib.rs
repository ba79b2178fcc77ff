//! The executable for developers and operators.
//!
//! | command | module | what it does |
//! |---|---|---|
//! | `up`, `down`, `reset` | [`up`], `state` | runs the whole platform on one machine, with a demo shop |
//! | `serve` | [`bloom_process`] | runs one service, or the gateway |
//! | `migrate` | `cli` | creates or updates schemas, roles and migrations of all services or one |
//! | `account create` | `account` | creates an account with its keys |
//! | `seed` | `seed` | loads the demo shop through the public API; `--found` creates its accounts |
//! | `import` | `import` | imports a file of products and shows progress |
//! | `check` | [`check`] | checks the invariants; exit code 1 names the violations |
//! | `openapi` | [`openapi`] | prints the API description, without a running platform |
//! | `settings` | [`configuration`] | prints every setting, as in docs/configuration.md |
//! | `events`, `subject` | `operate` | replays consumers, redrives parked events, erases a person |
//!
//! It contains no business rule: it changes data only through the services' own APIs.

// Lines are printed through `print_line`, because `println!` panics on a closed pipe.
#![warn(clippy::print_stdout, clippy::print_stderr)]

pub mod account;
pub mod check;
pub mod cli;
pub mod configuration;
pub mod fleet;
pub mod import;
pub mod openapi;
pub mod operate;
pub mod peers;
pub mod processes;
pub mod seed;
#[rustfmt::skip]
mod services;
pub mod state;
pub mod up;

#[cfg(test)]
mod tests;

pub use services::SERVICES;
