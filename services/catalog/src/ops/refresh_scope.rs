//! Brings listings in line after a change that touches many products at once: a channel, a location, a moved category.
//!
//! The first products are refreshed in the transaction of the change; what is left goes on in transactions of the same
//! size, by a timer of this change alone.

use bloom_db::{Db, TenantTx};
use bloom_events::schedule;
use bloom_fault::Fault;
use bloom_kernel::{CategoryId, LocationId};
use bloom_runtime::{RequestContext, ServiceContext};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::store::After;
use crate::store::channel::channel_count;
use crate::store::listing::{category_products, listing_refresh, location_variants, topology_share};
use crate::store::product::{product_ids, product_lock};

/// Listings refreshed in one transaction: a product has one in each channel.
const LISTINGS: i64 = 2_000;
/// Products refreshed in one transaction, however many channels there are.
const LEAST: i64 = 20;
/// Kind of the timer that goes on.
pub const TIMER: &str = "catalog.refresh";

/// Which products are touched.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// All of the tenant.
    All,
    /// Those in a category or below it.
    Category(CategoryId),
    /// Those with stock at a location.
    Location(LocationId),
}

/// What is left to refresh.
#[derive(Debug, Serialize, Deserialize)]
pub struct Rest {
    scope: Scope,
    after: Uuid,
}

/// Refreshes what a change touches. The caller holds the topology for the change.
pub async fn refresh_scope(tx: &mut TenantTx, host: &ServiceContext, scope: Scope) -> Result<(), Fault> {
    if let Some(after) = refresh_some(tx, scope, Uuid::nil()).await? {
        let key: Uuid = bloom_kernel::uuid_v7(host.platform_now(), &*host.entropy);
        schedule(tx, TIMER, &key.to_string(), host.platform_now(), &Rest { scope, after }).await?;
    }
    Ok(())
}

/// Refreshes some more of the rest; the same timer fires again while anything is left.
pub async fn refresh_rest(db: &Db, host: &ServiceContext, call: &RequestContext, key: &str, rest: Rest) -> Result<(), Fault> {
    let mut tx = db.write(call).await?;
    topology_share(&mut tx, call.tenant).await?;
    if let Some(after) = refresh_some(&mut tx, rest.scope, rest.after).await? {
        schedule(&mut tx, TIMER, key, host.platform_now(), &Rest { after, ..rest }).await?;
    }
    tx.commit().await
}

/// Refreshes one batch; answers where the next one begins.
async fn refresh_some(tx: &mut TenantTx, scope: Scope, after: Uuid) -> Result<Option<Uuid>, Fault> {
    let tenant = tx.tenant();
    let batch = (LISTINGS / channel_count(tx).await?.max(1)).max(LEAST);
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
            let mut products: Vec<_> = rows.iter().map(|(_, product)| *product).collect();
            products.sort_unstable();
            products.dedup();
            return refresh(tx, products, last.filter(|_| i64::try_from(rows.len()) == Ok(batch))).await;
        }
    };
    let more = last.filter(|_| i64::try_from(products.len()) == Ok(batch));
    refresh(tx, products, more).await
}

async fn refresh(tx: &mut TenantTx, products: Vec<bloom_kernel::ProductId>, more: Option<Uuid>) -> Result<Option<Uuid>, Fault> {
    let products = product_lock(tx, &products).await?;
    listing_refresh(tx, &products).await?;
    Ok(more)
}
