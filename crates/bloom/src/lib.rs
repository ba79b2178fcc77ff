//! The one executable that people and operators use.
//!
//! | command | module | what it does |
//! |---|---|---|
//! | `up`, `down`, `reset` | [`up`], `state` | the whole platform on one machine, with a demo shop |
//! | `serve` | [`bloom_process`] | one service, or the gateway |
//! | `migrate` | `cli` | schemas, roles and migrations of all services or one |
//! | `account create` | `account` | the first operator's keys |
//! | `seed` | `seed` | the demo shop, through the public API; `--found` founds its accounts |
//! | `import` | `import` | a file of products, with progress |
//! | `check` | [`check`] | proves the invariants; exit code 1 names the breach |
//! | `openapi` | [`openapi`] | the API description, without a running platform |
//! | `settings` | [`configuration`] | every setting, as docs/configuration.md holds it |
//! | `events`, `subject` | `operate` | replay, parked events, erasure of a person |
//!
//! It holds no rule of commerce: what it does to data goes through the services' own doors.

// A line goes through `say`: `println!` panics where nobody reads it any more.
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
