//! The contract of payments for other services. The crate exists because its contract is shared with its callers.
//!
//! | module | what it is |
//! |---|---|
//! | [`client`] | the calls, typed, each with its deadline |
//! | [`types`] | a payment as a call answers it, and its enums |
//! | [`reasons`] | why a call is refused |
//! | [`events`] | the events that others read |

pub mod client;
pub mod events;
pub mod reasons;
pub mod types;

mod generated {
    #![allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic, rustdoc::all)]
    include!("gen/bloom.payments.v1.rs");
}

/// The generated messages and servers.
pub mod proto {
    pub use crate::generated::*;
}

// For orders, until it calls through the client.
pub use generated::{AmountRequest, AuthoriseRequest, PaymentRef, PaymentReply, VoidRequest, payments_client};

pub use client::{Authorise, PaymentsClient};
pub use events::PaymentChanged;
pub use reasons::PaymentRefusal;
pub use types::{ActionType, FailureCode, OperationStatus, Payment, PaymentAction, PaymentFailure, PaymentStatus, Provider};
