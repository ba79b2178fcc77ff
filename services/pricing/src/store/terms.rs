//! The lock between prices and the terms that they are published under.
//!
//! Who writes prices holds it shared; who changes terms (lists, taxes, settings, channels) holds it alone and schedules a
//! pass over the variants concerned. So a price was either committed before the terms changed, and the pass finds it, or
//! it is published under the new terms. It is taken before any row is locked.

use bloom_db::TenantTx;

/// Holds the terms still while prices are written.
pub async fn terms_share(tx: &mut TenantTx) -> Result<(), sqlx::Error> {
    let tenant = tx.tenant().uuid();
    sqlx::query!("select pg_advisory_xact_lock_shared(hashtextextended('terms:' || $1::uuid::text, 0))", tenant)
        .fetch_one(&mut **tx)
        .await
        .map(drop)
}

/// Waits for those who write prices, and keeps new ones out until the terms are committed.
pub async fn terms_change(tx: &mut TenantTx) -> Result<(), sqlx::Error> {
    let tenant = tx.tenant().uuid();
    sqlx::query!("select pg_advisory_xact_lock(hashtextextended('terms:' || $1::uuid::text, 0))", tenant)
        .fetch_one(&mut **tx)
        .await
        .map(drop)
}
