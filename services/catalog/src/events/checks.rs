//! Invariants that the catalogue proves about itself.

use std::sync::Arc;

use bloom_db::SystemTx;
use bloom_events::{Breach, Check};
use bloom_fault::Fault;
use bloom_kernel::TenantId;
use futures::future::BoxFuture;
use uuid::Uuid;

use crate::Catalog;
use crate::store::After;
use crate::store::listing::{listing_differences, listing_orphans};
use crate::store::product::product_ids;

/// Products compared at a time.
const BATCH: i64 = 1_000;
/// Differences after which the rest is not looked at.
const BREACHES_MAX: usize = 100;

/// Every invariant of this service.
pub fn all(_: &Catalog) -> Vec<Arc<dyn Check>> {
    vec![Arc::new(ListingEqualsSources)]
}

/// Every listing says what its sources say, and every source has its listing.
struct ListingEqualsSources;

impl Check for ListingEqualsSources {
    fn name(&self) -> &'static str {
        "listing_equals_sources"
    }

    fn breaches<'a>(&'a self, tx: &'a mut SystemTx) -> BoxFuture<'a, Result<Vec<Breach>, Fault>> {
        Box::pin(async move {
            let mut details = listing_orphans(tx).await?;
            let mut after = After { tenant: TenantId::from_uuid(Uuid::nil()), id: Uuid::nil() };
            while details.len() < BREACHES_MAX {
                let rows = product_ids(tx, after, BATCH).await?;
                let Some((tenant, last)) = rows.last() else { break };
                after = After { tenant: *tenant, id: last.uuid() };
                let ids: Vec<Uuid> = rows.iter().map(|(_, id)| id.uuid()).collect();
                details.extend(listing_differences(tx, &ids).await?);
            }
            details.truncate(BREACHES_MAX);
            Ok(details.into_iter().map(|detail| Breach { invariant: self.name(), detail }).collect())
        })
    }
}
