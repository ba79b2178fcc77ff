//! Starts, observes and stops a Bloom process. The crate exists so that a service's own code contains only its domain.
//!
//! | module | what it is |
//! |---|---|
//! | [`service_context`] | what every service receives: clock, entropy, keys, peers, shutdown, metrics |
//! | [`request_context`] | the caller, its tenant, its rights and its deadline; [`signed_context`] is its signed form on the wire |
//! | [`config`], [`keys`] | secrets in settings, and the keys derived from them |
//! | [`peers`], [`breaker`] | gRPC clients of other services, in memory or over TCP, with a circuit breaker |
//! | [`grpc`] | reads a request's context and ids on the server side of gRPC |
//! | [`telemetry`], [`metrics`] | logs, traces, RED metrics |
//! | [`task`] | background loops, and errors that prevent a process from starting |
//!
//! Deliberately absent: nothing here knows any domain, reads an environment variable (settings come from
//! `bloom_process`), or takes the time from anywhere but the [`Clock`](bloom_kernel::Clock).

pub mod breaker;
pub mod config;
pub mod grpc;
pub mod keys;
pub mod metrics;
pub mod peers;
pub mod request_context;
pub mod service_context;
pub mod signed_context;
pub mod task;
pub mod telemetry;

pub use keys::Keys;
pub use metrics::Metrics;
pub use peers::{Peer, Peers};
pub use request_context::{Audience, Operation, RequestContext, Scopes};
pub use service_context::ServiceContext;
pub use task::{StartError, Task};
