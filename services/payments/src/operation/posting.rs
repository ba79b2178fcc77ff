//! The journal entries of a movement of money. `migrations/payments/0101_ledger.sql` explains the accounts.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::model::OperationKind;

/// An account of the ledger; there is one of each per tenant and currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
#[schemars(rename = "JournalAccount")]
pub(crate) enum Account {
    /// Authorised by payers' banks and not yet captured (memorandum).
    AuthorisedReceivable,
    /// Counterpart of the receivable (memorandum).
    AuthorisationCommitment,
    /// Captured by the provider, who owes it to the merchant.
    ProviderClearing,
    /// Owed to customers for money captured: goods, or the money back.
    CustomerLiability,
}

impl Account {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::AuthorisedReceivable => "authorised_receivable",
            Self::AuthorisationCommitment => "authorisation_commitment",
            Self::ProviderClearing => "provider_clearing",
            Self::CustomerLiability => "customer_liability",
        }
    }
}

/// One side of a posting: debits are positive, credits negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Side {
    pub account: Account,
    /// Minor units of the payment's currency, never 0.
    pub amount: i64,
}

/// The entries of one movement of money; they add up to zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Posting {
    pub kind: OperationKind,
    /// True when it takes an earlier movement back.
    pub reversal: bool,
    pub sides: Vec<Side>,
}

impl Posting {
    /// The movement of an amount above zero.
    pub(crate) fn new(kind: OperationKind, amount: i64) -> Self {
        use Account::{AuthorisationCommitment, AuthorisedReceivable, CustomerLiability, ProviderClearing};
        let pair = |debit, credit| [Side { account: debit, amount }, Side { account: credit, amount: -amount }];
        let release = pair(AuthorisationCommitment, AuthorisedReceivable);
        let sides = match kind {
            OperationKind::Authorise => pair(AuthorisedReceivable, AuthorisationCommitment).to_vec(),
            OperationKind::Capture => [release, pair(ProviderClearing, CustomerLiability)].concat(),
            OperationKind::Void => release.to_vec(),
            OperationKind::Refund => pair(CustomerLiability, ProviderClearing).to_vec(),
        };
        Self { kind, reversal: false, sides }
    }

    /// The same movement taken back.
    pub(crate) fn reversal(kind: OperationKind, amount: i64) -> Self {
        let mut posting = Self::new(kind, amount);
        posting.reversal = true;
        for side in &mut posting.sides {
            side.amount = -side.amount;
        }
        posting
    }
}
