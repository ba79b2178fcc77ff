//! What must hold about payments, proved from the rows themselves.

use bloom_db::SystemTx;
use bloom_events::check::{Breach, Check};
use bloom_fault::Fault;
use futures::future::BoxFuture;

use crate::store::check::{ledger_breaches, operation_breaches, payment_breaches};

/// Every journal is complete and adds up to zero.
pub(crate) struct LedgerZeroSum;
/// The amounts of a payment are what the books say about it, and authorised ≥ captured ≥ refunded.
pub(crate) struct PaymentsMatchLedger;
/// An operation that succeeded has exactly one journal, of its amount; no other has any.
pub(crate) struct OneJournalPerOperation;

impl Check for LedgerZeroSum {
    fn name(&self) -> &'static str {
        "ledger_zero_sum"
    }

    fn breaches<'a>(&'a self, tx: &'a mut SystemTx) -> BoxFuture<'a, Result<Vec<Breach>, Fault>> {
        Box::pin(async move { Ok(named(self.name(), ledger_breaches(tx).await?)) })
    }
}

impl Check for PaymentsMatchLedger {
    fn name(&self) -> &'static str {
        "payments_match_ledger"
    }

    fn breaches<'a>(&'a self, tx: &'a mut SystemTx) -> BoxFuture<'a, Result<Vec<Breach>, Fault>> {
        Box::pin(async move { Ok(named(self.name(), payment_breaches(tx).await?)) })
    }
}

impl Check for OneJournalPerOperation {
    fn name(&self) -> &'static str {
        "one_journal_per_operation"
    }

    fn breaches<'a>(&'a self, tx: &'a mut SystemTx) -> BoxFuture<'a, Result<Vec<Breach>, Fault>> {
        Box::pin(async move { Ok(named(self.name(), operation_breaches(tx).await?)) })
    }
}

fn named(invariant: &'static str, details: Vec<String>) -> Vec<Breach> {
    details.into_iter().map(|detail| Breach { invariant, detail }).collect()
}
