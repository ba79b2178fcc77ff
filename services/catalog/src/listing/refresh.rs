//! Refreshes listings after a change that affects many products at once: a channel, a location, a moved category.
//!
//! The first batch is refreshed in the transaction of the change; a timer of this change refreshes the remaining products in
//! transactions of the same size.

use bloom_db::{TenantTx, Writer as _};
use bloom_events::Publish as _;
use bloom_fault::Fault;
use bloom_kernel::{CategoryId, LocationId, ProductId};
use bloom_runtime::RequestContext;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::lock::{product_lock, topology_share};
use super::store::{category_products, listing_refresh, listings_per_product, location_variants, product_ids};
use crate::Catalog;
use crate::keyset::After;

/// Listings refreshed in one transaction: a product has one in each channel.
const LISTINGS: i64 = 2_000;
/// Fewest products refreshed in one transaction, however many channels there are.
const PRODUCTS_MIN: i64 = 20;
/// Kind of the timer that refreshes the remaining products.
pub(crate) const TIMER: &str = "catalog.refresh";

/// Which products a change affects.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Scope {
    /// All of the tenant.
    All,
    /// Those in a category or below it.
    Category(CategoryId),
    /// Those with stock at a location.
    Location(LocationId),
}

/// The products that are still to be refreshed.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Remaining {
    scope: Scope,
    after: Uuid,
}

/// Refreshes what a change affects. The caller holds the exclusive topology lock.
pub(crate) async fn refresh_scope(tx: &mut TenantTx, scope: Scope) -> Result<(), Fault> {
    let key: Uuid = tx.new_id();
    refresh_and_schedule(tx, key, scope, Uuid::nil()).await
}

/// The timer: refreshes the next batch, and fires again while products remain.
pub(crate) async fn refresh_remaining(
    app: &Catalog,
    context: &RequestContext,
    key: Uuid,
    remaining: Remaining,
) -> Result<(), Fault> {
    app.db
        .transaction(context, async |tx| {
            topology_share(tx).await?;
            app.lists_changed(tx);
            refresh_and_schedule(tx, key, remaining.scope, remaining.after).await
        })
        .await
}

async fn refresh_and_schedule(tx: &mut TenantTx, key: Uuid, scope: Scope, after: Uuid) -> Result<(), Fault> {
    if let Some(after) = refresh_batch(tx, scope, after).await? {
        let now = tx.cause().context.platform_now();
        tx.schedule(TIMER, &key.to_string(), now, &Remaining { scope, after });
    }
    Ok(())
}

/// Refreshes one batch; returns where the next one begins.
async fn refresh_batch(tx: &mut TenantTx, scope: Scope, after: Uuid) -> Result<Option<Uuid>, Fault> {
    let tenant = tx.tenant();
    let batch = (LISTINGS / listings_per_product(tx).await?.max(1)).max(PRODUCTS_MIN);
    let (products, last) = match scope {
        Scope::All => {
            let rows = product_ids(tx, After { tenant, id: after }, batch).await?;
            let products: Vec<_> = rows.into_iter().map(|(_, id)| id).collect();
            let last = products.last().map(|id| id.uuid());
            (products, last)
        }
        Scope::Category(category) => {
            let products = category_products(tx, category, after, batch).await?;
            let last = products.last().map(|id| id.uuid());
            (products, last)
        }
        Scope::Location(location) => {
            let rows = location_variants(tx, location, after, batch).await?;
            let last = rows.last().map(|(variant, _)| variant.uuid());
            let mut products: Vec<ProductId> = rows.iter().map(|(_, product)| *product).collect();
            products.sort_unstable();
            products.dedup();
            return refresh(tx, products, last.filter(|_| i64::try_from(rows.len()) == Ok(batch))).await;
        }
    };
    let more = last.filter(|_| i64::try_from(products.len()) == Ok(batch));
    refresh(tx, products, more).await
}

async fn refresh(tx: &mut TenantTx, products: Vec<ProductId>, more: Option<Uuid>) -> Result<Option<Uuid>, Fault> {
    let products = product_lock(tx, &products).await?;
    listing_refresh(tx, &products).await?;
    Ok(more)
}
