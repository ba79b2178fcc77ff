//! SQL, one statement a function, checked at compile time. Row-level security picks the tenant's rows.

pub mod check;
pub mod connection;
pub mod journal;
pub mod operation;
pub mod payment;
pub mod provider_event;
