//! Operations: requests to a payment provider, each under an id that its caller chose, and what each books in the ledger. Their
//! endpoints are below the payment that they belong to.

mod body;
mod model;
mod posting;
mod store;
#[cfg(test)]
mod tests;

pub(crate) use body::OperationBody;
pub(crate) use model::{
    Failure, FailureCode, Operation, OperationKind, OperationStatus, Requester, derived_id, void_fingerprint,
};
pub(crate) use posting::{Account, Posting};
pub(crate) use store::{operation_authorise, operation_get, operation_insert, operation_list};
