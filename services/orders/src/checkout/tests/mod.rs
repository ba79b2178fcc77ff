//! Tests of checkouts.

mod cancel;
mod store;
