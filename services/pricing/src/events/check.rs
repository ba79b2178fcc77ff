//! What pricing proves about itself: the prices that it told are the prices that it would quote.

use std::sync::Arc;

use bloom_db::SystemTx;
use bloom_events::{Breach, Check};
use bloom_fault::Fault;
use bloom_kernel::{TenantId, VariantId};
use futures::future::BoxFuture;

use crate::Pricing;
use crate::ops::republish::{is_news, prices_at};
use crate::store::check::variants_unlisted;
use crate::store::variant_price::{tenant_after, variant_prices_after};

/// Breaches that one check reports at most.
const BREACHES_MAX: usize = 100;
/// Variants that are worked out at a time.
const BATCH: i64 = 500;

/// The invariants of this service.
pub fn checks(app: &Pricing) -> [Arc<dyn Check>; 2] {
    [Arc::new(PublishedIsPresent(app.clone())), Arc::new(EveryPriceIsListed)]
}

/// The published price of every variant is the one that follows from lists, taxes and channels now. Holds when no pass is
/// under way, which is what "drained" says.
struct PublishedIsPresent(Pricing);

impl Check for PublishedIsPresent {
    fn name(&self) -> &'static str {
        "published_prices_are_present"
    }

    fn breaches<'a>(&'a self, tx: &'a mut SystemTx) -> BoxFuture<'a, Result<Vec<Breach>, Fault>> {
        Box::pin(async move {
            let mut breaches = Vec::new();
            let mut tenant = tenant_after(tx, None).await?;
            while let Some(present) = tenant.filter(|_| breaches.len() < BREACHES_MAX) {
                self.of_tenant(present, &mut breaches).await?;
                tenant = tenant_after(tx, Some(present)).await?;
            }
            Ok(breaches)
        })
    }
}

impl PublishedIsPresent {
    async fn of_tenant(&self, tenant: TenantId, breaches: &mut Vec<Breach>) -> Result<(), Fault> {
        let mut conn = self.0.db.read(tenant).await?;
        let now = self.0.host.now(tenant);
        let mut after = None;
        loop {
            let rows = variant_prices_after(&mut conn, after, BATCH).await?;
            let Some(last) = rows.last() else { return Ok(()) };
            after = Some(last.variant_id);
            let variants: Vec<VariantId> = rows.iter().map(|row| row.variant_id).collect();
            let present = prices_at(&self.0, &mut conn, tenant, now, &variants).await?;
            for row in rows {
                let prices = present.get(&row.variant_id).map_or(&[][..], Vec::as_slice);
                if is_news(&row, prices) && breaches.len() < BREACHES_MAX {
                    let detail = format!("{tenant}: {} was told at other prices than it has", row.variant_id);
                    breaches.push(Breach { invariant: self.name(), detail });
                }
            }
        }
    }
}

/// Every variant that has a price has a row that its listing price was published from.
struct EveryPriceIsListed;

impl Check for EveryPriceIsListed {
    fn name(&self) -> &'static str {
        "every_price_is_listed"
    }

    fn breaches<'a>(&'a self, tx: &'a mut SystemTx) -> BoxFuture<'a, Result<Vec<Breach>, Fault>> {
        Box::pin(async move {
            let found = variants_unlisted(tx, i64::try_from(BREACHES_MAX).unwrap_or(1)).await?;
            let breach = |(tenant, variant): (TenantId, VariantId)| Breach {
                invariant: self.name(),
                detail: format!("{tenant}: {variant} has a price and no listing row"),
            };
            Ok(found.into_iter().map(breach).collect())
        })
    }
}
