//! Test support: a real PostgreSQL schema per test, a controllable clock and randomness, and a test client for a service's
//! REST API without a socket. The crate exists because every service is tested the same way.
//!
//! ```text
//! let bench = testkit::test_env("catalog", &MIGRATIONS).await;
//! let client = bench.open(|host, db| catalog::service(config, host, db, bus).await).await;
//! let answer = client.post("/v1/catalog/products").json(&json!({…})).send().await;
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
