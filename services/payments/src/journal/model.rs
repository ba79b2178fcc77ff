//! A journal with its entries.

use bloom_kernel::{JournalId, Money, OperationId, PaymentId, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;

use crate::operation::{Account, OperationKind};

/// One movement of money in the ledger. Its entries add up to zero.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "PaymentJournal")]
pub(crate) struct Journal {
    /// Id.
    pub id: JournalId,
    /// The operation that moved the money; it has one journal at most.
    pub operation_id: OperationId,
    /// The payment.
    pub payment_id: PaymentId,
    /// The movement.
    pub kind: OperationKind,
    /// The journal that this one takes back.
    pub reverses: Option<JournalId>,
    /// Debits and credits.
    pub entries: Vec<Entry>,
    /// Who caused it.
    pub actor: String,
    /// When it was booked.
    pub posted_at: Timestamp,
}

/// One side of a journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "JournalEntry")]
pub(crate) struct Entry {
    /// The account.
    pub account: Account,
    /// Debits are positive, credits negative.
    pub amount: Money,
}
