//! Invariants that a service checks on its own data.

use bloom_db::SystemTx;
use bloom_fault::Fault;
use futures::future::BoxFuture;

use crate::store::outbox::outbox_gaps;

/// Maximum length of a breach's detail in characters, since it may quote documents of any size.
pub const DETAIL_MAX: usize = 600;

/// Truncates a detail to `DETAIL_MAX` characters.
pub fn brief(detail: &str) -> String {
    match detail.char_indices().nth(DETAIL_MAX) {
        None => detail.to_owned(),
        Some((end, _)) => format!("{}… and {} characters more", &detail[..end], detail[end..].chars().count()),
    }
}

/// One violation of an invariant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breach {
    /// Name of the invariant.
    pub invariant: &'static str,
    /// What differs, with ids.
    pub detail: String,
}

/// One invariant.
pub trait Check: Send + Sync {
    /// Its name, for example `levels_match_movements`.
    fn name(&self) -> &'static str;

    /// Finds violations, at most a hundred.
    fn breaches<'a>(&'a self, tx: &'a mut SystemTx) -> BoxFuture<'a, Result<Vec<Breach>, Fault>>;
}

/// Checked in every service: the positions of published events have no gap.
pub(crate) struct OutboxGapFree;

impl Check for OutboxGapFree {
    fn name(&self) -> &'static str {
        "outbox_gap_free"
    }

    fn breaches<'a>(&'a self, tx: &'a mut SystemTx) -> BoxFuture<'a, Result<Vec<Breach>, Fault>> {
        Box::pin(async move {
            let shards = outbox_gaps(tx).await?;
            let breach = |shard| Breach {
                invariant: self.name(),
                detail: format!("shard {shard} of the outbox lacks a published position"),
            };
            Ok(shards.into_iter().map(breach).collect())
        })
    }
}
