//! `/v1/pricing/tax-zones`

use axum::extract::State;
use bloom_events::Publish as _;
use bloom_fault::Fault;
use bloom_kernel::TaxZoneId;
use bloom_web::{Body, Caller, Created, IfMatch, List, NoContent, Page, Path, Reply, Routes};

use super::model::{TaxZone, TaxZoneCreate, TaxZoneFilter, TaxZoneUpdate};
use super::store::{
    tax_zone_areas_delete, tax_zone_areas_insert, tax_zone_delete, tax_zone_get, tax_zone_insert, tax_zone_list, tax_zone_update,
};
use crate::settings::tax_change_begin;
use crate::{Pricing, PricingRead, PricingWrite};

pub fn routes() -> Routes<Pricing> {
    Routes::new("/v1/pricing/tax-zones")
        .post("tax_zone_create", "Create a tax zone", create)
        .get("tax_zone_list", "List tax zones, oldest first", list)
        .at("/{tax_zone_id}")
        .get("tax_zone_get", "Get a tax zone", get)
        .patch("tax_zone_update", "Update a tax zone", update)
        .delete("tax_zone_delete", "Delete a tax zone", delete)
}

async fn create(
    State(app): State<Pricing>,
    caller: Caller<PricingWrite>,
    Body(input): Body<TaxZoneCreate>,
) -> Result<Created<TaxZone>, Fault> {
    app.db
        .idempotent(caller.operation("tax_zone_create", &input), async |tx| {
            tax_change_begin(tx).await?;
            let zone = TaxZone::new(tx.new_id(), tx.now(), input)?;
            tax_zone_insert(tx, &zone).await?;
            tax_zone_areas_insert(tx, &zone).await?;
            tx.publish(&zone);
            Ok(zone)
        })
        .await
}

async fn list(
    State(app): State<Pricing>,
    caller: Caller<PricingRead>,
    List(page): List<TaxZoneFilter>,
) -> Result<Reply<Page<TaxZone>>, Fault> {
    let mut conn = app.db.read(caller.tenant).await?;
    let rows = tax_zone_list(&mut conn, &page.filter, page.after()?, page.rows()).await?;
    Ok(page.finish(rows, |zone| zone.id))
}

async fn get(
    State(app): State<Pricing>,
    caller: Caller<PricingRead>,
    Path(id): Path<TaxZoneId>,
) -> Result<Reply<TaxZone>, Fault> {
    let mut conn = app.db.read(caller.tenant).await?;
    let zone = tax_zone_get(&mut conn, id).await?.ok_or_else(not_found)?;
    Ok(zone.into())
}

async fn update(
    State(app): State<Pricing>,
    caller: Caller<PricingWrite>,
    Path(id): Path<TaxZoneId>,
    if_match: IfMatch,
    Body(input): Body<TaxZoneUpdate>,
) -> Result<Reply<TaxZone>, Fault> {
    app.db
        .idempotent(caller.operation("tax_zone_update", &(id, &input)), async |tx| {
            tax_change_begin(tx).await?;
            let mut zone = tax_zone_get(tx, id).await?.ok_or_else(not_found)?;
            if_match.check(zone.version)?;
            let areas_given = input.areas.is_some();
            zone.update(tx.now(), input)?;
            tax_zone_update(tx, &zone).await?;
            if areas_given {
                tax_zone_areas_delete(tx, id).await?;
                tax_zone_areas_insert(tx, &zone).await?;
            }
            tx.publish(&zone);
            Ok(zone)
        })
        .await
}

/// Deletes a zone that has no rates.
async fn delete(
    State(app): State<Pricing>,
    caller: Caller<PricingWrite>,
    Path(id): Path<TaxZoneId>,
    if_match: IfMatch,
) -> Result<NoContent, Fault> {
    app.db
        .transaction(&caller, async |tx| {
            tax_change_begin(tx).await?;
            let zone = tax_zone_get(tx, id).await?.ok_or_else(not_found)?;
            if_match.check(zone.version)?;
            if !tax_zone_delete(tx, id, zone.version).await? {
                return Err(IfMatch::stale());
            }
            tx.publish_deleted(&zone);
            Ok(NoContent::no_content())
        })
        .await
}

fn not_found() -> Fault {
    Fault::not_found("tax zone")
}
