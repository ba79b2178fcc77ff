//! `/v1/pricing/price-lists`

use axum::extract::State;
use bloom_events::Publish as _;
use bloom_fault::Fault;
use bloom_kernel::PriceListId;
use bloom_web::{Body, Caller, Created, IfMatch, List, Page, Path, Reply, Routes};

use super::dates::dates_schedule;
use super::model::{PriceList, PriceListCreate, PriceListFilter, PriceListUpdate};
use super::store::{price_list_get, price_list_insert, price_list_list, price_list_lock, price_list_update};
use crate::channel::channel_check;
use crate::terms::{TermsChange, republish_schedule, terms_lock_exclusive};
use crate::{Pricing, PricingRead, PricingWrite};

pub fn routes() -> Routes<Pricing> {
    Routes::new("/v1/pricing/price-lists")
        .post("price_list_create", "Create a price list", create)
        .get("price_list_list", "List price lists, oldest first", list)
        .at("/{price_list_id}")
        .get("price_list_get", "Get a price list", get)
        .patch("price_list_update", "Update a price list", update)
}

/// A new list holds no prices, so nothing is published again.
async fn create(
    State(app): State<Pricing>,
    caller: Caller<PricingWrite>,
    Body(input): Body<PriceListCreate>,
) -> Result<Created<PriceList>, Fault> {
    let (operation, channel_id) = (caller.operation("price_list_create", &input), input.channel_id);
    app.db
        .idempotent_after(
            operation,
            async || channel_check(&app, &caller, channel_id).await,
            async |tx, ()| {
                let list = PriceList::new(tx.new_id(), tx.now(), input)?;
                price_list_insert(tx, &list).await?;
                dates_schedule(tx, &list);
                tx.publish(&list);
                Ok(list)
            },
        )
        .await
}

async fn list(
    State(app): State<Pricing>,
    caller: Caller<PricingRead>,
    List(page): List<PriceListFilter>,
) -> Result<Reply<Page<PriceList>>, Fault> {
    let mut conn = app.db.read(caller.tenant).await?;
    let rows = price_list_list(&mut conn, &page.filter, page.after()?, page.rows()).await?;
    Ok(page.finish(rows, |list| list.id))
}

async fn get(
    State(app): State<Pricing>,
    caller: Caller<PricingRead>,
    Path(id): Path<PriceListId>,
) -> Result<Reply<PriceList>, Fault> {
    let mut conn = app.db.read(caller.tenant).await?;
    let list = price_list_get(&mut conn, id).await?.ok_or_else(not_found)?;
    Ok(list.into())
}

/// Changes the terms; a pass publishes the variants of the list again.
async fn update(
    State(app): State<Pricing>,
    caller: Caller<PricingWrite>,
    Path(id): Path<PriceListId>,
    if_match: IfMatch,
    Body(input): Body<PriceListUpdate>,
) -> Result<Reply<PriceList>, Fault> {
    if_match.required()?;
    let (operation, channel_id) = (caller.operation("price_list_update", &(id, &input)), input.channel_id.value().copied());
    app.db
        .idempotent_after(
            operation,
            async || channel_check(&app, &caller, channel_id).await,
            async |tx, ()| {
                terms_lock_exclusive(tx).await?;
                let mut list = price_list_lock(tx, id).await?.ok_or_else(not_found)?;
                if_match.check(list.version)?;
                let now = tx.now();
                list.update(now, input)?;
                price_list_update(tx, &list).await?;
                dates_schedule(tx, &list);
                republish_schedule(tx, TermsChange::PriceList(id, list.version), now);
                tx.publish(&list);
                Ok(list)
            },
        )
        .await
}

fn not_found() -> Fault {
    Fault::not_found("price list")
}
