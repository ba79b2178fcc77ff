//! End-to-end tests of the platform: the gateway, every service, a real PostgreSQL, and the invariants across services.
//!
//! The suite runs against one of two fleets: all services in one process with the in-process bus, or (`BLOOM_E2E=processes`) each
//! service in its own process with Kafka and Redis. Each test creates its own tenants and ends with `bloom check`.

mod collector;
mod fleet;
mod shop;
mod trade;

mod bad_input;
mod browse;
mod gateway;
mod hot;
mod kill;
mod observe;
mod outage;
mod payments;
mod probe;
mod purchase;
mod quickstart;
mod tenancy;
