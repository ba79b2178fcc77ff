//! The SQL statements of this crate, one per function.

pub(crate) mod consumer;
pub(crate) mod inbox;
pub(crate) mod lease;
pub(crate) mod outbox;
pub(crate) mod parked;
pub(crate) mod timer;
pub(crate) mod unreadable;
