//! Operations: calls to other services that an order needs. An operation is committed with the change that needs it, before the
//! call; a timer repeats the call until the answer is final.

mod model;
mod record;
mod store;
#[cfg(test)]
mod tests;

pub(crate) use model::{Operation, OperationKind, OperationStatus, StockUnits};
pub(crate) use record::{TIMER, record, record_due, retry_later, retry_now};
pub(crate) use store::{operation_get, operation_of_kind, operation_settle, operations_moving_money, operations_shipping};
