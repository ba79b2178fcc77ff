//! The platform from outside: the gateway, every service, a real PostgreSQL, and what must hold between them.
//!
//! One suite, two fleets: all in one process with the in-process bus, or (`BLOOM_E2E=processes`) every service as its own
//! process with Kafka and Redis. Each test has tenants of its own and ends with `bloom check`.

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
