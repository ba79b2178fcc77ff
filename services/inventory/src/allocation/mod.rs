//! Allocations: units that belong to an order until they are shipped or released.

mod change;
mod store;

pub(crate) use change::{AllocationChange, change};
#[cfg(test)]
pub(crate) use store::{Operation, operation_apply};
