//! Changing the amount of one price, or taking it away.

use bloom_db::{Begin, TenantTx};
use bloom_fault::Fault;
use bloom_kernel::PriceId;
use bloom_runtime::RequestContext;
use bloom_web::IfMatch;
use bloom_web::{Empty, Reply};

use super::republish::{publish_prices, reprice};
use crate::Pricing;
use crate::domain::price::{Price, PriceUpdate, check};
use crate::error;
use crate::events::tell;
use crate::store::price::{price_delete, price_get, price_update};
use crate::store::terms::terms_share;
use crate::store::variant_price::{Published, variant_prices_claim};

/// Changes the amount.
pub async fn price_change(
    app: &Pricing,
    call: &RequestContext,
    id: PriceId,
    expected: i64,
    input: PriceUpdate,
) -> Result<Reply<Price>, Fault> {
    let mut tx = match app.db.begin(call, "price_update", &(id, &input)).await? {
        Begin::Replay(reply) => return Ok(reply),
        Begin::Run(tx) => tx,
    };
    let (locked, before) = claim(app, &mut tx, id, expected).await?;
    check(input.price, before.price.currency()).map_err(|error| error::of_price(error, "/price"))?;
    let now = app.host.now(call.tenant);
    if !price_update(&mut tx, id, expected, input.price.amount(), now).await.map_err(error::of)? {
        return Err(IfMatch::stale());
    }
    let after = Price { price: input.price, version: before.version + 1, updated_at: now, ..before };
    tell(app, &mut tx, call, "price.updated", (id, after.version), &after).await?;
    let changed = reprice(app, &mut tx, now, locked).await?;
    publish_prices(app, &mut tx, call, &changed).await?;
    let version = after.version;
    tx.finish(Reply::ok(after).etag(version)).await
}

/// Takes a price away.
pub async fn price_remove(app: &Pricing, call: &RequestContext, id: PriceId, expected: i64) -> Result<Reply<Empty, 204>, Fault> {
    let mut tx = app.db.write(call).await?;
    let now = app.host.now(call.tenant);
    let (locked, before) = claim(app, &mut tx, id, expected).await?;
    if !price_delete(&mut tx, id, expected).await? {
        return Err(IfMatch::stale());
    }
    tell(app, &mut tx, call, "price.deleted", (id, before.version + 1), &before).await?;
    let changed = reprice(app, &mut tx, now, locked).await?;
    publish_prices(app, &mut tx, call, &changed).await?;
    tx.commit().await?;
    Ok(Reply::no_content())
}

/// The price at the expected version, with the lock of its variant.
async fn claim(app: &Pricing, tx: &mut TenantTx, id: PriceId, expected: i64) -> Result<(Vec<Published>, Price), Fault> {
    terms_share(tx).await?;
    let price = price_get(tx, id).await?.ok_or_else(|| Fault::not_found("price"))?;
    if price.version != expected {
        return Err(IfMatch::stale());
    }
    let locked = variant_prices_claim(tx, &[price.variant_id], app.host.now(tx.tenant())).await?;
    Ok((locked, price))
}
