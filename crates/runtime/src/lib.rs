//! How a Bloom process starts, is observed and stops: the crate exists so that a service's own code holds nothing but
//! its domain.
//!
//! | module | what it is |
//! |---|---|
//! | [`host`] | what every service is handed: clock, entropy, keys, peers, shutdown, metrics |
//! | [`call`] | who asks, for which tenant, until when; [`context`] is its signed form on the wire |
//! | [`db`] | the ways to a connection: [`TenantTx`], [`TenantRead`], [`SystemTx`] |
//! | [`idempotency`] | one key, one effect, one reply |
//! | [`seal`] | personal columns under a key per data subject |
//! | [`http`], [`grpc`] | extractors, replies, and the layers around every route |
//! | [`peers`], [`breaker`] | gRPC clients of other services, in memory or over TCP; one that is away is not waited for |
//! | [`server`] | one port, REST and gRPC, health, drain |
//! | [`migrate`] | schema, roles and migrations of a service |
//! | [`telemetry`], [`metrics`] | logs, traces, RED figures |
//!
//! Absent by design: nothing here knows any domain, reads an environment variable (settings come in from `bloom_process`), or
//! takes the time from anywhere but the [`Clock`](bloom_kernel::Clock).

pub mod breaker;
pub mod call;
pub mod config;
pub mod context;
pub mod db;
pub mod grpc;
pub mod host;
pub mod http;
pub mod idempotency;
pub mod keys;
pub mod metrics;
pub mod migrate;
pub mod openapi;
pub mod peers;
pub mod reply;
pub mod seal;
pub mod server;
pub mod task;
pub mod telemetry;

pub use call::{Audience, Call, PERMISSIONS, PUBLISHABLE, Scopes};
pub use db::{Db, SystemTx, TenantRead, TenantTx};
pub use host::Host;
pub use idempotency::Begin;
pub use keys::Keys;
pub use metrics::Metrics;
pub use peers::{Peer, Peers};
pub use reply::{Empty, Reply};
pub use server::Service;
pub use task::{StartError, Task};
