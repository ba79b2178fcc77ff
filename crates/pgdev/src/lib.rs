//! Exists because development, tests and benches need a real PostgreSQL that nobody has to set up.
//!
//! [`Cluster::open`] names a cluster, [`Cluster::start`] makes sure it runs. A cluster belongs to one checkout
//! ([`Cluster::within`]: to one folder) and one purpose (`dev`, `test`, `bench`); no other PostgreSQL on the machine is touched. The parts: `binaries` finds
//! the installed programs, `account` decides as whom they run and where the data lie (PostgreSQL refuses to run as
//! root), `pidfile` tells a running server from a stale file, `cluster` starts and stops.
//!
//! What is absent: no async, no environment variables, no knowledge of schemas or migrations.

mod account;
mod binaries;
mod cluster;
mod error;
mod pidfile;

pub use cluster::{Address, Cluster, Options};
pub use error::PgError;

#[cfg(test)]
mod tests;
