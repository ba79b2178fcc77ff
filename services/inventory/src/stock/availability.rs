//! How many units of a variant can be sold, by the same arithmetic that decides about a hold.

use std::collections::BTreeMap;

use bloom_fault::Fault;
use bloom_kernel::{LocationId, VariantId};
use bloom_runtime::RequestContext;
use uuid::Uuid;

use super::store::stock_of;
use crate::Inventory;

/// What can be sold of one variant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Availability {
    /// The variant.
    pub variant_id: VariantId,
    /// Units on hand that can be sold.
    pub available: i64,
    /// Units that can be sold, on hand or back-ordered.
    pub sellable: i64,
    /// False when there is no item of the variant.
    pub tracked: bool,
}

/// Sums the sellable units at the given active locations (at every one when none is given). The result has the order of the variants.
pub async fn availability(
    app: &Inventory,
    context: &RequestContext,
    variants: &[VariantId],
    locations: &[LocationId],
) -> Result<Vec<Availability>, Fault> {
    let (tenant, now) = (context.tenant, app.context.now(context.tenant));
    let items = app.db.read_once(|conn| {
        let wanted: Vec<Uuid> = variants.iter().map(|variant| variant.uuid()).collect();
        Box::pin(async move { stock_of(conn, tenant, &wanted, now).await })
    });
    let items = items.await?;
    let mut sums: BTreeMap<VariantId, (i64, i64)> = BTreeMap::new();
    for item in items {
        let (available, sellable) = sums.entry(item.level.variant_id).or_default();
        if item.is_active && (locations.is_empty() || locations.contains(&item.level.location_id)) {
            *available += item.level.available();
            *sellable += item.level.sellable();
        }
    }
    Ok(variants
        .iter()
        .map(|&variant_id| {
            let sum = sums.get(&variant_id);
            let (available, sellable) = sum.copied().unwrap_or_default();
            Availability { variant_id, available, sellable, tracked: sum.is_some() }
        })
        .collect())
}
