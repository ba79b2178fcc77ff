//! Allocations: units of an order, until they are shipped or given back.

mod change;
mod store;

pub(crate) use change::{AllocationChange, change};
#[cfg(test)]
pub(crate) use store::{Operation, operation_apply};
