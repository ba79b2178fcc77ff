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

use bloom_db::idempotency;
use bloom_fault::Fault;

use crate::domain::{Operation, Payment};

/// Where an operation stands, and the payment that it belongs to.
pub(crate) struct Standing {
    pub(crate) payment: Payment,
    pub(crate) operation: Operation,
    /// It was asked for before.
    pub(crate) repeated: bool,
}

impl Standing {
    /// After it was carried out.
    fn fresh((payment, operation): (Payment, Operation)) -> Self {
        Self { payment, operation, repeated: false }
    }

    /// Asked for again: as it stands now, unless the same id stood for another request.
    fn repeated(payment: Payment, known: Operation, fingerprint: &[u8]) -> Result<Self, Fault> {
        if known.fingerprint == fingerprint {
            Ok(Self { payment, operation: known, repeated: true })
        } else {
            Err(idempotency::reused())
        }
    }
}
