//! The SQL of this service, one statement per function.

pub mod cart;
pub mod delivery_option;
