//! `/v1/pricing/prices`

use axum::extract::State;
use bloom_db::TenantTx;
use bloom_events::Publish as _;
use bloom_fault::Fault;
use bloom_kernel::PriceId;
use bloom_web::{Body, Caller, Created, Doc, IfMatch, List, NoContent, Page, Path, Reply, Routes};

use super::model::{Price, PriceCreate, PriceFilter, PriceUpdate};
use super::set::{price_rows_set, set};
use super::store::{price_delete, price_get, price_list, price_update};
use crate::error::taken;
use crate::terms::terms_lock_shared;
use crate::variant_price::{VariantPrice, reprice, variant_prices_claim};
use crate::{Pricing, PricingRead, PricingWrite};

const ANY_VARIANT: &str = "Takes any variant id. Whether the catalog has the variant is checked when it is sold.";
const SET: &str = "Creates or changes prices by list, variant and quantity: all of them, or none when one is refused. Takes any \
                   variant id. Whether the catalog has the variant is checked when it is sold.";

pub fn routes() -> Routes<Pricing> {
    Routes::new("/v1/pricing/prices")
        .post("price_create", Doc::new("Create a price").describe(ANY_VARIANT), create)
        .get("prices_list", "List prices by list, variant and quantity", list)
        .at("/bulk")
        .post("prices_set", Doc::new("Set many prices").describe(SET), set)
        .at("/{price_id}")
        .get("price_get", "Get a price", get)
        .patch("price_update", "Update a price", update)
        .delete("price_delete", "Delete a price", delete)
}

/// Refused when the list has a price for that variant and quantity.
async fn create(
    State(app): State<Pricing>,
    caller: Caller<PricingWrite>,
    Body(input): Body<PriceCreate>,
) -> Result<Created<Price>, Fault> {
    app.db
        .idempotent(caller.operation("price_create", &input), async |tx| {
            let changed = price_rows_set(&app, tx, &[input], |_| String::new()).await?;
            changed.into_iter().find(|price| price.version == 1).ok_or_else(|| {
                let detail = "The list has a price for this variant from this quantity on; change that one.";
                taken("price_exists", "/min_quantity", detail)
            })
        })
        .await
}

async fn list(
    State(app): State<Pricing>,
    caller: Caller<PricingRead>,
    List(page): List<PriceFilter>,
) -> Result<Reply<Page<Price>>, Fault> {
    let mut conn = app.db.read(caller.tenant).await?;
    let rows = price_list(&mut conn, &page.filter, page.after()?, page.rows()).await?;
    Ok(page.finish(rows, |price| (price.price_list_id, price.variant_id, price.min_quantity)))
}

async fn get(State(app): State<Pricing>, caller: Caller<PricingRead>, Path(id): Path<PriceId>) -> Result<Reply<Price>, Fault> {
    let mut conn = app.db.read(caller.tenant).await?;
    let price = price_get(&mut conn, id).await?.ok_or_else(not_found)?;
    Ok(price.into())
}

async fn update(
    State(app): State<Pricing>,
    caller: Caller<PricingWrite>,
    Path(id): Path<PriceId>,
    if_match: IfMatch,
    Body(input): Body<PriceUpdate>,
) -> Result<Reply<Price>, Fault> {
    app.db
        .idempotent(caller.operation("price_update", &(id, &input)), async |tx| {
            let (mut price, locked) = price_claim(tx, id, if_match).await?;
            let (now, seen) = (tx.now(), price.version);
            price.update(now, &input)?;
            if !price_update(tx, id, seen, price.price.amount(), now).await? {
                return Err(IfMatch::stale());
            }
            tx.publish(&price);
            reprice(&app, tx, now, locked).await?;
            Ok(price)
        })
        .await
}

async fn delete(
    State(app): State<Pricing>,
    caller: Caller<PricingWrite>,
    Path(id): Path<PriceId>,
    if_match: IfMatch,
) -> Result<NoContent, Fault> {
    app.db
        .transaction(&caller, async |tx| {
            let (price, locked) = price_claim(tx, id, if_match).await?;
            if !price_delete(tx, id, price.version).await? {
                return Err(IfMatch::stale());
            }
            tx.publish_deleted(&price);
            let now = tx.now();
            reprice(&app, tx, now, locked).await?;
            Ok(NoContent::no_content())
        })
        .await
}

/// The price at the expected version, with the lock on the prices of its variant.
async fn price_claim(tx: &mut TenantTx, id: PriceId, if_match: IfMatch) -> Result<(Price, Vec<VariantPrice>), Fault> {
    terms_lock_shared(tx).await?;
    let price = price_get(tx, id).await?.ok_or_else(not_found)?;
    if_match.check(price.version)?;
    let locked = variant_prices_claim(tx, &[price.variant_id]).await?;
    Ok((price, locked))
}

fn not_found() -> Fault {
    Fault::not_found("price")
}
