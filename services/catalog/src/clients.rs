//! References to objects of other services: locations of inventory, tax classes of pricing. The replica may lack an object that was
//! created a moment ago, so its owner is queried about the missing ones.

use std::collections::BTreeSet;

use bloom_contract_inventory::FindLocationsRequest;
use bloom_contract_pricing::TAX_CLASSES_MAX;
use bloom_fault::Fault;
use bloom_kernel::{Code, LocationId, TaxClassId};
use bloom_runtime::RequestContext;

use crate::Catalog;
use crate::error::unknown;
use crate::keyset::uuids;
use crate::replica::{location_find, tax_class_find};

/// Most locations that inventory looks up in one request.
pub(crate) const LOCATIONS_MAX: usize = 100;

/// Refuses a location that the tenant does not have; `ids` is `location_ids` of the body.
///
/// A location that the replica lacks may be accepted. A channel that names it shows no stock from there until the events of the
/// location or of its stock arrive, which refresh the listing.
pub(crate) async fn check_locations(app: &Catalog, context: &RequestContext, ids: &[LocationId]) -> Result<(), Fault> {
    // Longer lists are refused for their length, so they need no look-up.
    if ids.is_empty() || LOCATIONS_MAX < ids.len() {
        return Ok(());
    }
    let mut conn = app.db.read(context.tenant).await?;
    let mut known: BTreeSet<LocationId> = location_find(&mut conn, &uuids(ids)).await?.into_iter().collect();
    drop(conn);
    let missing: Vec<String> = ids.iter().filter(|id| !known.contains(id)).map(ToString::to_string).collect();
    if !missing.is_empty() {
        let request = FindLocationsRequest { location_ids: missing, location_codes: Vec::new() };
        let found = app.inventory.clone().find_locations(app.context.request(context, request)).await?.into_inner().location_ids;
        known.extend(found.iter().filter_map(|id| id.parse::<LocationId>().ok()));
    }
    match ids.iter().position(|id| !known.contains(id)) {
        None => Ok(()),
        Some(index) => Err(unknown("location", &format!("/location_ids/{index}"))),
    }
}

/// Refuses tax classes that the tenant does not have; each comes with its pointer in the request.
pub(crate) async fn check_tax_classes(
    app: &Catalog,
    context: &RequestContext,
    named: &[(String, TaxClassId)],
) -> Result<(), Fault> {
    // More than a product can have variants are refused for their number.
    if named.is_empty() || TAX_CLASSES_MAX < named.len() {
        return Ok(());
    }
    let ids: Vec<TaxClassId> = named.iter().map(|(_, id)| *id).collect();
    let mut conn = app.db.read(context.tenant).await?;
    let mut known: BTreeSet<TaxClassId> = tax_class_find(&mut conn, &uuids(&ids)).await?.into_iter().collect();
    drop(conn);
    let missing: BTreeSet<TaxClassId> = ids.into_iter().filter(|id| !known.contains(id)).collect();
    let missing = Vec::from_iter(missing);
    known.extend(app.pricing.find_tax_classes(context, &missing).await?);
    match named.iter().find(|(_, id)| !known.contains(id)) {
        None => Ok(()),
        Some((pointer, _)) => Err(unknown("tax class", pointer)),
    }
}

/// Queries inventory for those of the location codes that exist.
pub(crate) async fn find_location_codes(
    app: &Catalog,
    context: &RequestContext,
    codes: &BTreeSet<Code>,
) -> Result<Vec<Code>, Fault> {
    let codes: Vec<String> = codes.iter().map(ToString::to_string).collect();
    let mut found = Vec::new();
    for codes in codes.chunks(LOCATIONS_MAX) {
        let request = FindLocationsRequest { location_ids: Vec::new(), location_codes: codes.to_vec() };
        let reply = app.inventory.clone().find_locations(app.context.request(context, request)).await?.into_inner();
        found.extend(reply.location_codes.iter().filter_map(|code| code.parse::<Code>().ok()));
    }
    Ok(found)
}
