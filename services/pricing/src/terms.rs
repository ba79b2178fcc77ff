//! The terms that prices are published under: lists, taxes, settings and channels.
//!
//! A transaction that writes prices holds the lock of the terms shared. A transaction that changes terms holds it alone and
//! schedules a pass over the variants concerned. So a price was either committed before the terms changed, and the pass
//! finds it, or it is published under the new terms. The lock is taken before any row is locked.

use bloom_db::TenantTx;
use bloom_events::Publish as _;
use bloom_kernel::{ChannelId, PriceListId, Timestamp, VariantId};
use serde::{Deserialize, Serialize};

/// The timer of a pass.
pub const REPUBLISH: &str = "republish";

/// Which terms changed, and to which version.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TermsChange {
    /// A price list: concerns the variants that have a price in it.
    PriceList(PriceListId, i64),
    /// Taxes or settings: concern every variant.
    Taxes(i64),
    /// A channel: concerns every variant.
    Channel(ChannelId, i64),
}

/// How far a pass has come; the payload of its timer.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Pass {
    pub change: TermsChange,
    /// When the terms changed. A process whose clock is behind prices at this moment, not before it.
    pub since: Timestamp,
    /// The last variant of the batch before.
    pub after: Option<VariantId>,
}

/// Keeps the terms unchanged while prices are written.
pub async fn terms_lock_shared(tx: &mut TenantTx) -> sqlx::Result<()> {
    let tenant = tx.tenant().uuid();
    sqlx::query!("select pg_advisory_xact_lock_shared(hashtextextended('terms:' || $1::uuid::text, 0))", tenant)
        .fetch_one(&mut **tx)
        .await
        .map(drop)
}

/// Waits for transactions that write prices, and blocks new ones until the terms are committed.
pub async fn terms_lock_exclusive(tx: &mut TenantTx) -> sqlx::Result<()> {
    let tenant = tx.tenant().uuid();
    sqlx::query!("select pg_advisory_xact_lock(hashtextextended('terms:' || $1::uuid::text, 0))", tenant)
        .fetch_one(&mut **tx)
        .await
        .map(drop)
}

/// Schedules the pass that follows a change at this moment; it starts when the transaction has committed.
pub fn republish_schedule(tx: &mut TenantTx, change: TermsChange, since: Timestamp) {
    // The moment is part of the key, so that two passes about the same terms do not replace each other.
    let moment = since.timestamp_micros();
    let key = match change {
        TermsChange::PriceList(id, version) => format!("{id}:{version}:{moment}"),
        TermsChange::Taxes(version) => format!("taxes:{version}:{moment}"),
        TermsChange::Channel(id, version) => format!("{id}:{version}:{moment}"),
    };
    tx.schedule(REPUBLISH, &key, since, &Pass { change, since, after: None });
}
