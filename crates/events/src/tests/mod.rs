//! Tests on a real PostgreSQL, and on a real Kafka if `BLOOM_TEST_KAFKA` is set.

mod access;
mod chaos;
mod fixture;
mod kafka;
mod once;
mod outgoing;
mod partitions;
mod platform;
mod poison;
mod relay;
mod replay;
mod timers;
mod unreadable;
