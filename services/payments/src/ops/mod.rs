//! One use case a file, read top to bottom.
//!
//! No transaction is open while a provider is asked. Every movement of money goes: record it and set its amount aside,
//! commit, ask the provider, [`settle_operation`] what it said, commit. What happens between the commits is found by
//! [`resolve_operation`].

pub(crate) mod authorise_payment;
pub(crate) mod confirm_payment;
pub(crate) mod create_connection;
pub(crate) mod move_money;
pub(crate) mod receive_notice;
pub(crate) mod resolve_operation;
pub(crate) mod return_payer;
pub(crate) mod settle_operation;
pub(crate) mod update_connection;
pub(crate) mod void_payment;
