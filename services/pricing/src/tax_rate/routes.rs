//! `/v1/pricing/tax-rates`

use axum::extract::State;
use bloom_events::Publish as _;
use bloom_fault::Fault;
use bloom_kernel::TaxRateId;
use bloom_web::{Body, Caller, Created, IfMatch, List, NoContent, Page, Path, Reply, Routes};

use super::model::{TaxRate, TaxRateCreate, TaxRateFilter, TaxRateUpdate, rates_check};
use super::store::{tax_rate_delete, tax_rate_get, tax_rate_insert, tax_rate_list, tax_rate_update, tax_rates_of};
use crate::error::unknown;
use crate::settings::tax_change_begin;
use crate::tax_zone::tax_zone_lock;
use crate::{Pricing, PricingRead, PricingWrite};

pub fn routes() -> Routes<Pricing> {
    Routes::new("/v1/pricing/tax-rates")
        .post("tax_rate_create", "Create a tax rate", create)
        .get("tax_rate_list", "List tax rates, oldest first", list)
        .at("/{tax_rate_id}")
        .get("tax_rate_get", "Get a tax rate", get)
        .patch("tax_rate_update", "Update a tax rate", update)
        .delete("tax_rate_delete", "Delete a tax rate", delete)
}

async fn create(
    State(app): State<Pricing>,
    caller: Caller<PricingWrite>,
    Body(input): Body<TaxRateCreate>,
) -> Result<Created<TaxRate>, Fault> {
    app.db
        .idempotent(caller.operation("tax_rate_create", &input), async |tx| {
            tax_change_begin(tx).await?;
            if !tax_zone_lock(tx, input.zone_id).await? {
                return Err(unknown("tax zone", "/zone_id"));
            }
            let rate = TaxRate::new(tx.new_id(), tx.now(), input);
            tax_rate_insert(tx, &rate).await?;
            // No other request adds a rate meanwhile: changes of one tenant's taxes run one after the other.
            rates_check(&tax_rates_of(tx, rate.zone_id, rate.class_id).await?)?;
            tx.publish(&rate);
            Ok(rate)
        })
        .await
}

async fn list(
    State(app): State<Pricing>,
    caller: Caller<PricingRead>,
    List(page): List<TaxRateFilter>,
) -> Result<Reply<Page<TaxRate>>, Fault> {
    let mut conn = app.db.read(caller.tenant).await?;
    let rows = tax_rate_list(&mut conn, &page.filter, page.after()?, page.rows()).await?;
    Ok(page.finish(rows, |rate| rate.id))
}

async fn get(
    State(app): State<Pricing>,
    caller: Caller<PricingRead>,
    Path(id): Path<TaxRateId>,
) -> Result<Reply<TaxRate>, Fault> {
    let mut conn = app.db.read(caller.tenant).await?;
    let rate = tax_rate_get(&mut conn, id).await?.ok_or_else(not_found)?;
    Ok(rate.into())
}

async fn update(
    State(app): State<Pricing>,
    caller: Caller<PricingWrite>,
    Path(id): Path<TaxRateId>,
    if_match: IfMatch,
    Body(input): Body<TaxRateUpdate>,
) -> Result<Reply<TaxRate>, Fault> {
    app.db
        .idempotent(caller.operation("tax_rate_update", &(id, &input)), async |tx| {
            tax_change_begin(tx).await?;
            let mut rate = tax_rate_get(tx, id).await?.ok_or_else(not_found)?;
            if_match.check(rate.version)?;
            rate.update(tx.now(), input);
            tax_rate_update(tx, &rate).await?;
            rates_check(&tax_rates_of(tx, rate.zone_id, rate.class_id).await?)?;
            tx.publish(&rate);
            Ok(rate)
        })
        .await
}

async fn delete(
    State(app): State<Pricing>,
    caller: Caller<PricingWrite>,
    Path(id): Path<TaxRateId>,
    if_match: IfMatch,
) -> Result<NoContent, Fault> {
    app.db
        .transaction(&caller, async |tx| {
            tax_change_begin(tx).await?;
            let rate = tax_rate_get(tx, id).await?.ok_or_else(not_found)?;
            if_match.check(rate.version)?;
            if !tax_rate_delete(tx, id, rate.version).await? {
                return Err(IfMatch::stale());
            }
            tx.publish_deleted(&rate);
            Ok(NoContent::no_content())
        })
        .await
}

fn not_found() -> Fault {
    Fault::not_found("tax rate")
}
