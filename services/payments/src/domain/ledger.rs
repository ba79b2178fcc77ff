//! The books: which accounts a movement of money touches. The chart is explained in `migrations/payments/0101_ledger.sql`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::OperationKind;

/// An account; there is one of each per tenant and currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum Account {
    /// Promised by customers' banks and not yet drawn (memorandum).
    AuthorisedReceivable,
    /// Counterpart of the receivable (memorandum).
    AuthorisationCommitment,
    /// Drawn by the provider, who owes it to us.
    ProviderClearing,
    /// Owed to customers for money drawn: goods, or the money back.
    CustomerLiability,
}

impl Account {
    /// The word in database and API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AuthorisedReceivable => "authorised_receivable",
            Self::AuthorisationCommitment => "authorisation_commitment",
            Self::ProviderClearing => "provider_clearing",
            Self::CustomerLiability => "customer_liability",
        }
    }
}

/// One side of a journal: debits are positive, credits negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The account.
    pub account: Account,
    /// Minor units of the payment's currency, never 0.
    pub amount: i64,
}

/// What one movement of money writes into the books; its entries add up to zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posting {
    /// The movement.
    pub kind: OperationKind,
    /// True when it takes an earlier movement back.
    pub reversal: bool,
    /// Both sides.
    pub entries: Vec<Entry>,
}

impl Posting {
    /// The movement of an amount above zero.
    pub fn of(kind: OperationKind, amount: i64) -> Self {
        use Account::{AuthorisationCommitment, AuthorisedReceivable, CustomerLiability, ProviderClearing};
        let pair = |debit, credit| [Entry { account: debit, amount }, Entry { account: credit, amount: -amount }];
        let give_up = pair(AuthorisationCommitment, AuthorisedReceivable);
        let entries = match kind {
            OperationKind::Authorise => pair(AuthorisedReceivable, AuthorisationCommitment).to_vec(),
            OperationKind::Capture => [give_up, pair(ProviderClearing, CustomerLiability)].concat(),
            OperationKind::Void => give_up.to_vec(),
            OperationKind::Refund => pair(CustomerLiability, ProviderClearing).to_vec(),
        };
        Self { kind, reversal: false, entries }
    }

    /// The same movement taken back.
    pub fn reversal_of(kind: OperationKind, amount: i64) -> Self {
        let mut posting = Self::of(kind, amount);
        posting.reversal = true;
        for entry in &mut posting.entries {
            entry.amount = -entry.amount;
        }
        posting
    }
}
