//! What tests stand on: a real PostgreSQL schema per test, a clock and randomness in the test's hand, and the public
//! door of a service without a socket. The crate may exist because every service is tested the same way.
//!
//! ```ignore
//! let bench = testkit::test_env("catalog", &MIGRATIONS).await;
//! let door = bench.open(|host, db| catalog::service(config, host, db, bus).await).await;
//! let answer = door.post("/v1/catalog/products").json(&json!({…})).send().await;
//! assert_eq!(answer.status, 201, "{answer:?}");
//! ```

mod agree;
mod clock;
mod entropy;
mod queue;
mod sample;
mod stable;
mod test_client;
mod test_env;

pub use agree::{assert_inputs_agree, assert_schema_agrees};
pub use clock::FakeClock;
pub use entropy::SeededEntropy;
pub use queue::queue;
pub use stable::Stable;
pub use test_client::{Answer, TestClient, TestRequest};
pub use test_env::{TestEnv, database, server, test_env};

#[cfg(test)]
mod tests;
