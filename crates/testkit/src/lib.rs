//! What tests stand on: a real PostgreSQL schema per test, a clock and randomness in the test's hand, and the public
//! door of a service without a socket. The crate may exist because every service is tested the same way.
//!
//! ```ignore
//! let bench = testkit::bench("catalog", &MIGRATIONS).await;
//! let door = bench.open(|host, db| async { catalog::service(config, host, db, bus).await }).await;
//! let answer = door.post("/v1/catalog/products").json(&json!({…})).send().await;
//! assert_eq!(answer.status, 201, "{answer:?}");
//! ```

mod agree;
mod bench;
mod clock;
mod door;
mod entropy;
mod queue;

pub use agree::assert_schema_agrees;
pub use bench::{Bench, bench, database, server};
pub use clock::FakeClock;
pub use door::{Answer, Ask, Door};
pub use entropy::SeededEntropy;
pub use queue::queue;

#[cfg(test)]
mod tests;
