//! The beginning of every change that a calculation of tax may notice.

use bloom_db::TenantTx;

use super::store::tax_version_raise;
use crate::terms::{TermsChange, republish_schedule, terms_lock_exclusive};

/// Locks the terms, raises the tax version so that cached tables are read again, and schedules the pass that publishes
/// prices again. Changes of one tenant's taxes run one after the other from here on.
pub async fn tax_change_begin(tx: &mut TenantTx) -> sqlx::Result<()> {
    terms_lock_exclusive(tx).await?;
    let version = tax_version_raise(tx).await?;
    let now = tx.now();
    republish_schedule(tx, TermsChange::Taxes(version), now);
    Ok(())
}
