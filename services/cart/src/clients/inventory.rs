//! Inventory: how many units can be sold.

use std::collections::HashMap;

use bloom_contract_inventory::AvailabilityRequest;
use bloom_fault::Fault;
use bloom_kernel::{LocationId, VariantId};
use bloom_runtime::RequestContext;

use crate::Carts;

/// The units that can be sold of each variant whose stock is tracked.
pub(crate) async fn available_units(
    app: &Carts,
    context: &RequestContext,
    variants: impl Iterator<Item = VariantId>,
    locations: &[LocationId],
) -> Result<HashMap<VariantId, i64>, Fault> {
    let request = AvailabilityRequest {
        variant_ids: variants.map(|id| id.to_string()).collect(),
        location_ids: locations.iter().map(ToString::to_string).collect(),
    };
    let reply = app.inventory.clone().availability(app.context.request(context, request)).await?.into_inner();
    let tracked = reply.variants.into_iter().filter(|variant| variant.tracked);
    Ok(tracked.filter_map(|variant| Some((variant.variant_id.parse().ok()?, variant.sellable))).collect())
}
