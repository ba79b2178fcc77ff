//! Handles events that other services publish.

use bloom_db::TenantTx;
use bloom_fault::Fault;
use futures::future::BoxFuture;

use crate::envelope::Envelope;

/// A consumer: one per projection or process of a service.
pub trait Handler: Send + Sync {
    /// Its permanent name, `<service>.<what>`, for example `catalog.listing`.
    fn consumer(&self) -> &'static str;

    /// The services whose events it reads.
    fn topics(&self) -> &[&'static str];

    /// Whether it handles events of this full kind. Events it does not want need no row and no transaction.
    fn wants(&self, _kind: &str) -> bool {
        true
    }

    /// Applies events of one tenant, in order, in the transaction that holds their inbox rows.
    ///
    /// It ignores a version lower than the one it has seen and applies an equal one again (a replay repairs by that). It
    /// changes nothing outside the transaction. A fault that a retry may cure is retried; any other parks the aggregate.
    fn apply<'a>(&'a self, tx: &'a mut TenantTx, batch: &'a [Envelope]) -> BoxFuture<'a, Result<(), Fault>>;
}
