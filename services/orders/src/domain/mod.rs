//! What checkouts and orders are and how they change: pure decisions, without database, network or clock.

pub mod checkout;
pub mod fulfilment;
pub mod operation;
pub mod order;
pub mod refund;
pub mod setting;
pub mod status;
