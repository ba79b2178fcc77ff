//! References to what other services own: locations and tax classes. The catalogue knows them by their events, which may be
//! a moment behind whoever has just created one. What the catalogue has not heard of, its owner is asked for.

use std::collections::BTreeSet;

use bloom_contract_inventory::FindLocationsRequest;
use bloom_contract_pricing::FindTaxClassesRequest;
use bloom_fault::Fault;
use bloom_kernel::{LocationId, TaxClassId};
use bloom_runtime::RequestContext;
use uuid::Uuid;

use crate::Catalog;
use crate::domain::channel::LOCATIONS_MAX;
use crate::domain::variant::VARIANTS_MAX;
use crate::error::unknown;
use crate::store::heard::{location_known, tax_class_known};

/// Refuses a location that the tenant does not have.
///
/// A channel may so name a location that has no row here: it shows no stock from there until location or stock are heard
/// of, which refreshes what is listed (`events::heard`).
pub async fn locations(app: &Catalog, call: &RequestContext, ids: &[LocationId]) -> Result<(), Fault> {
    // More than a channel can have are refused by their number, whatever they name.
    if ids.is_empty() || LOCATIONS_MAX < ids.len() {
        return Ok(());
    }
    let wanted: Vec<Uuid> = ids.iter().map(|id| id.uuid()).collect();
    let mut conn = app.db.read(call.tenant).await?;
    let mut known: BTreeSet<LocationId> = location_known(&mut conn, &wanted).await?.into_iter().collect();
    drop(conn);
    let unheard: Vec<String> = ids.iter().filter(|id| !known.contains(id)).map(ToString::to_string).collect();
    if !unheard.is_empty() {
        let request = app.host.request(call, FindLocationsRequest { location_ids: unheard });
        let found = app.inventory.clone().find_locations(request).await?.into_inner().location_ids;
        known.extend(found.iter().filter_map(|id| id.parse::<LocationId>().ok()));
    }
    match ids.iter().position(|id| !known.contains(id)) {
        None => Ok(()),
        Some(index) => Err(unknown("location", &format!("/location_ids/{index}"))),
    }
}

/// Refuses a tax class that the tenant does not have; each comes with its place in the request.
pub async fn tax_classes(app: &Catalog, call: &RequestContext, named: &[(String, TaxClassId)]) -> Result<(), Fault> {
    // The same for more than a product can have variants.
    if named.is_empty() || VARIANTS_MAX < named.len() {
        return Ok(());
    }
    let wanted: Vec<Uuid> = named.iter().map(|(_, id)| id.uuid()).collect();
    let mut conn = app.db.read(call.tenant).await?;
    let mut known: BTreeSet<TaxClassId> = tax_class_known(&mut conn, &wanted).await?.into_iter().collect();
    drop(conn);
    let unheard: BTreeSet<TaxClassId> = named.iter().map(|(_, id)| *id).filter(|id| !known.contains(id)).collect();
    known.extend(tax_classes_ask(app, call, &unheard).await?);
    match named.iter().find(|(_, id)| !known.contains(id)) {
        None => Ok(()),
        Some((pointer, _)) => Err(unknown("tax class", pointer)),
    }
}

/// Those of the tax classes, of which no event has told yet, that pricing knows.
pub async fn tax_classes_ask(
    app: &Catalog,
    call: &RequestContext,
    unheard: &BTreeSet<TaxClassId>,
) -> Result<Vec<TaxClassId>, Fault> {
    let ids: Vec<String> = unheard.iter().map(ToString::to_string).collect();
    let mut known = Vec::new();
    // A product's go into one question, a chunk of an import may have more.
    for ids in ids.chunks(VARIANTS_MAX) {
        let request = app.host.request(call, FindTaxClassesRequest { tax_class_ids: ids.to_vec() });
        let found = app.pricing.clone().find_tax_classes(request).await?.into_inner().tax_class_ids;
        known.extend(found.iter().filter_map(|id| id.parse::<TaxClassId>().ok()));
    }
    Ok(known)
}
