//! The SQL of this service, one statement per function.

pub mod checkout;
pub mod export;
pub mod number;
pub mod operation;
pub mod order;
pub mod setting;
