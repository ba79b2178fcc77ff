//! Service-wide tests and the fixture: the orders service with all the real services that a checkout needs, each on a PostgreSQL schema
//! of its own, with a payment provider over HTTP and a clock that only the test moves.

mod checks;
mod fixture;
mod idempotency;
mod personal_data;
mod snapshots;
mod waiting;

pub(crate) use fixture::{Fixture, Guest};
pub(crate) use waiting::{line, lock_rows, order_path, visit};
