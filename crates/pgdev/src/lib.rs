//! Provides a real PostgreSQL for development, tests and benchmarks without any setup.
//!
//! [`Cluster::open`] names a cluster, [`Cluster::start`] starts it if necessary. A cluster belongs to one checkout
//! ([`Cluster::within`]: to one folder) and one purpose (`dev`, `test`, `bench`); no other PostgreSQL on the machine is
//! touched. The parts: `binaries` finds the installed programs, `account` decides which account runs them and where the
//! data is stored (PostgreSQL refuses to run as root), `pidfile` tells a running server from a stale file, `cluster`
//! starts and stops it.
//!
//! Deliberately absent: async code, environment variables, knowledge of schemas or migrations.

mod account;
mod binaries;
mod cluster;
mod error;
mod pidfile;

pub use cluster::{Address, Cluster, Options};
pub use error::PgError;

#[cfg(test)]
mod tests;
