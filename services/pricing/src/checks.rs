//! The invariants of this service: published prices are the prices that a quote would give.

use std::sync::Arc;

use bloom_events::{Breach, Check};
use bloom_fault::Fault;
use bloom_kernel::{TenantId, VariantId};
use bloom_runtime::SystemTx;
use futures::future::BoxFuture;

use crate::Pricing;
use crate::price::unlisted_variants;
use crate::tenants::tenant_after;
use crate::variant_price::{prices_at, variant_prices_after};

/// Most breaches that one check reports.
const BREACHES_MAX: usize = 100;
/// Variants that are calculated at a time.
const BATCH: i64 = 500;

/// All checks.
pub(crate) fn checks(app: &Pricing) -> [Arc<dyn Check>; 2] {
    [Arc::new(PublishedPricesAreCurrent(app.clone())), Arc::new(EveryPriceIsListed)]
}

/// The published prices of every variant follow from the present lists, taxes and channels. Holds when no pass is running,
/// which is what "drained" says.
struct PublishedPricesAreCurrent(Pricing);

impl Check for PublishedPricesAreCurrent {
    fn name(&self) -> &'static str {
        "published_prices_are_current"
    }

    fn breaches<'a>(&'a self, tx: &'a mut SystemTx) -> BoxFuture<'a, Result<Vec<Breach>, Fault>> {
        Box::pin(async move {
            let mut breaches = Vec::new();
            let mut next = tenant_after(tx, None).await?;
            while let Some(tenant) = next.filter(|_| breaches.len() < BREACHES_MAX) {
                self.of_tenant(tenant, &mut breaches).await?;
                next = tenant_after(tx, Some(tenant)).await?;
            }
            Ok(breaches)
        })
    }
}

impl PublishedPricesAreCurrent {
    async fn of_tenant(&self, tenant: TenantId, breaches: &mut Vec<Breach>) -> Result<(), Fault> {
        let mut conn = self.0.db.read(tenant).await?;
        let now = self.0.host.now(tenant);
        let mut after = None;
        loop {
            let rows = variant_prices_after(&mut conn, after, BATCH).await?;
            let Some(last) = rows.last() else { return Ok(()) };
            after = Some(last.variant_id);
            let variants: Vec<VariantId> = rows.iter().map(|row| row.variant_id).collect();
            let current = prices_at(&self.0, &mut conn, tenant, now, &variants).await?;
            for row in rows {
                let prices = current.get(&row.variant_id).map_or(&[][..], Vec::as_slice);
                if row.differs_from(prices) && breaches.len() < BREACHES_MAX {
                    let detail = format!("{tenant}: {} was published with other prices than it has", row.variant_id);
                    breaches.push(Breach { invariant: self.name(), detail });
                }
            }
        }
    }
}

/// Every variant that has a price has a row of its published price.
struct EveryPriceIsListed;

impl Check for EveryPriceIsListed {
    fn name(&self) -> &'static str {
        "every_price_is_listed"
    }

    fn breaches<'a>(&'a self, tx: &'a mut SystemTx) -> BoxFuture<'a, Result<Vec<Breach>, Fault>> {
        Box::pin(async move {
            let found = unlisted_variants(tx, i64::try_from(BREACHES_MAX).unwrap_or(1)).await?;
            let breach = |(tenant, variant): (TenantId, VariantId)| Breach {
                invariant: self.name(),
                detail: format!("{tenant}: {variant} has a price and no listing row"),
            };
            Ok(found.into_iter().map(breach).collect())
        })
    }
}
