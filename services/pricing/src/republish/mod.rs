//! The pass that publishes prices again after their terms changed: one batch of variants per firing of its timer.
//!
//! 1. It stops when it finds a later version of the terms: that one has a pass of its own.
//! 2. It locks the next variants, calculates their prices, and publishes those that have changed.
//! 3. A full batch schedules the next one with the same key.
//!
//! It may run twice and from any variant on: prices that are already published are left alone.

#[cfg(test)]
mod tests;

use bloom_db::TenantTx;
use bloom_events::Publish as _;
use bloom_fault::Fault;
use bloom_kernel::VariantId;
use bloom_runtime::RequestContext;

use crate::Pricing;
use crate::channel::channel_version;
use crate::price::price_variants;
use crate::price_list::price_list_get;
use crate::settings::settings_get;
use crate::terms::{Pass, REPUBLISH, TermsChange, terms_lock_shared};
use crate::variant_price::{reprice, variant_prices_after, variant_prices_lock};

/// Variants of one batch, which is one transaction.
const BATCH: i64 = 200;

/// Runs one batch of a pass.
pub async fn pass_run(app: &Pricing, context: &RequestContext, key: String, pass: Pass) -> Result<(), Fault> {
    app.db
        .transaction(context, async |tx| {
            terms_lock_shared(tx).await?;
            let variants = next_variants(tx, &pass).await?;
            let locked = variant_prices_lock(tx, &variants).await?;
            let now = tx.now().max(pass.since);
            reprice(app, tx, now, locked).await?;
            if let Some(last) = variants.last().filter(|_| i64::try_from(variants.len()) == Ok(BATCH)) {
                tx.schedule(REPUBLISH, &key, now, &Pass { after: Some(*last), ..pass });
            }
            Ok(())
        })
        .await
}

/// The variants of the next batch; none when a later version of the terms has a pass of its own.
async fn next_variants(tx: &mut TenantTx, pass: &Pass) -> Result<Vec<VariantId>, Fault> {
    let outdated = match pass.change {
        TermsChange::PriceList(id, version) => {
            return match price_list_get(tx, id).await? {
                Some(list) if list.version <= version => Ok(price_variants(tx, id, pass.after, BATCH).await?),
                Some(_) | None => Ok(Vec::new()),
            };
        }
        TermsChange::Taxes(version) => version < settings_get(tx).await?.tax_version,
        TermsChange::Channel(id, version) => Some(version) < channel_version(tx, id).await?,
    };
    if outdated {
        return Ok(Vec::new());
    }
    let rows = variant_prices_after(tx, pass.after, BATCH).await?;
    Ok(rows.into_iter().map(|row| row.variant_id).collect())
}
