//! What payments are and how they change: pure decisions, without database, network or clock.

pub mod ledger;
pub mod operation;
pub mod payment;
pub mod refusal;
pub mod return_url;
pub mod schedule;
pub mod settle;
pub mod signature;

pub use ledger::{Account, Entry, Posting};
pub use operation::{Failure, FailureCode, Operation, OperationKind, OperationStatus};
pub use payment::{Payment, PaymentStatus, ProviderKind};
pub use refusal::Refusal;
pub use settle::{News, Report, Settled, State, settle};
