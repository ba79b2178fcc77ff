//! The beginning of every change that a calculation of tax may notice.

use bloom_fault::Fault;
use bloom_runtime::TenantTx;

use super::store::tax_version_raise;
use crate::Pricing;
use crate::terms::{TermsChange, republish_schedule, terms_lock_exclusive};

/// Locks the terms, raises the tax version so that cached tables are read again, and schedules the pass that publishes
/// prices again. Changes of one tenant's taxes run one after the other from here on.
pub(crate) async fn tax_change_begin(app: &Pricing, tx: &mut TenantTx) -> Result<(), Fault> {
    let now = app.host.now(tx.tenant());
    terms_lock_exclusive(tx).await?;
    let version = tax_version_raise(tx, now).await?;
    republish_schedule(tx, now, TermsChange::Taxes(version)).await
}
