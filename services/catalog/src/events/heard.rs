//! The consumer behind the listing projection: what pricing and inventory tell.

use std::collections::BTreeMap;
use std::sync::Arc;

use bloom_db::TenantTx;
use bloom_events::{Envelope, Handler};
use bloom_fault::Fault;
use bloom_kernel::{ChannelId, LocationId, Money, TaxClassId, TenantId, VariantId};
use bloom_runtime::ServiceContext;
use futures::future::BoxFuture;
use serde::Deserialize;
use uuid::Uuid;

use crate::freshness::Freshness;
use crate::ops::refresh_scope::{Scope, refresh_scope};
use crate::store::heard::{self, HeardLocation, Prices, Stock};
use crate::store::listing;
use crate::store::product::product_lock;

/// Keeps `listing` in line with prices, stock and locations.
pub struct Listing {
    /// Clock and ids.
    pub host: ServiceContext,
    /// Told of every change, so that no list is answered from before.
    pub freshness: Arc<Freshness>,
}

#[derive(Deserialize)]
struct PricesTold {
    variant_id: VariantId,
    prices: Vec<PriceTold>,
}

#[derive(Deserialize)]
struct PriceTold {
    channel_id: ChannelId,
    price: Option<Money>,
}

#[derive(Deserialize)]
struct StockTold {
    variant_id: VariantId,
    items: Vec<ItemTold>,
}

#[derive(Deserialize)]
struct ItemTold {
    location_id: LocationId,
    location_code: String,
    priority: i32,
    available: i64,
}

#[derive(Deserialize)]
struct LocationTold {
    id: LocationId,
    code: String,
    priority: i32,
    active: bool,
}

#[derive(Deserialize)]
struct TaxClassTold {
    id: TaxClassId,
}

/// A batch, sorted by what it speaks of; of several stories about one variant the newest.
#[derive(Default)]
struct Told {
    prices: BTreeMap<VariantId, (i64, PricesTold)>,
    stock: BTreeMap<VariantId, (i64, StockTold)>,
    locations: Vec<HeardLocation>,
    tax_classes: Vec<Uuid>,
}

impl Handler for Listing {
    fn consumer(&self) -> &'static str {
        "catalog.listing"
    }

    fn topics(&self) -> &'static [&'static str] {
        &["pricing", "inventory"]
    }

    fn wants(&self, kind: &str) -> bool {
        matches!(kind, "bloom.pricing.variant_price.updated" | "bloom.inventory.stock.updated")
            || matches!(kind, "bloom.inventory.location.created" | "bloom.inventory.location.updated")
            || matches!(kind, "bloom.pricing.tax_class.created" | "bloom.pricing.tax_class.updated")
    }

    fn apply<'a>(&'a self, tx: &'a mut TenantTx, batch: &'a [Envelope]) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(async move {
            let told = Told::sort(batch)?;
            let tenant = tx.tenant();
            apply(tx, &self.host, told).await?;
            self.freshness.changed(tenant);
            Ok(())
        })
    }
}

impl Told {
    fn sort(batch: &[Envelope]) -> Result<Self, Fault> {
        let mut told = Self::default();
        for event in batch {
            match event.name() {
                "variant_price.updated" => {
                    let data: PricesTold = event.data()?;
                    newest(&mut told.prices, data.variant_id, event.version, data);
                }
                "stock.updated" => {
                    let data: StockTold = event.data()?;
                    newest(&mut told.stock, data.variant_id, event.version, data);
                }
                "location.created" | "location.updated" => {
                    let LocationTold { id, code, priority, active } = event.data()?;
                    told.locations.push(HeardLocation { id, code, priority, active, version: event.version });
                }
                "tax_class.created" | "tax_class.updated" => {
                    let data: TaxClassTold = event.data()?;
                    told.tax_classes.push(data.id.uuid());
                }
                _ => {}
            }
        }
        Ok(told)
    }
}

fn newest<T>(stories: &mut BTreeMap<VariantId, (i64, T)>, variant: VariantId, version: i64, story: T) {
    if stories.get(&variant).is_none_or(|(known, _)| *known <= version) {
        stories.insert(variant, (version, story));
    }
}

async fn apply(tx: &mut TenantTx, host: &ServiceContext, told: Told) -> Result<(), Fault> {
    let tenant = tx.tenant();
    if told.locations.is_empty() {
        listing::topology_share(tx, tenant).await?;
    } else {
        listing::topology_change(tx, tenant).await?;
    }
    if !told.tax_classes.is_empty() {
        heard::tax_class_hear(tx, tenant, &told.tax_classes).await?;
    }
    for location in &told.locations {
        if heard::location_hear(tx, tenant, location).await? {
            refresh_scope(tx, host, Scope::Location(location.id)).await?;
        }
    }
    let priced = hear_prices(tx, tenant, told.prices).await?;
    let mut changed = hear_stock(tx, tenant, told.stock).await?;
    let reprice = !priced.is_empty();
    changed.extend(priced);
    if changed.is_empty() {
        return Ok(());
    }
    let products = listing::variant_products(tx, &changed).await?;
    let products = product_lock(tx, &products).await?;
    if reprice {
        listing::listing_refresh(tx, &products).await?;
    } else {
        listing::listing_refresh_stock(tx, &products).await?;
    }
    Ok(())
}

/// Notes prices; answers with the variants for which they are news.
async fn hear_prices(
    tx: &mut TenantTx,
    tenant: TenantId,
    mut told: BTreeMap<VariantId, (i64, PricesTold)>,
) -> Result<Vec<Uuid>, Fault> {
    if told.is_empty() {
        return Ok(Vec::new());
    }
    let variants: Vec<Uuid> = told.keys().map(|id| id.uuid()).collect();
    let versions: Vec<i64> = told.values().map(|(version, _)| *version).collect();
    let news = heard::price_heard(tx, tenant, &variants, &versions).await?;
    let mut prices = Prices::default();
    for variant in &news {
        let Some((_, story)) = told.remove(&VariantId::from_uuid(*variant)) else { continue };
        for told in story.prices {
            let Some(price) = told.price else { continue };
            prices.variants.push(*variant);
            prices.channels.push(told.channel_id.uuid());
            prices.amounts.push(price.amount());
            prices.currencies.push(price.currency().as_str().to_owned());
        }
    }
    heard::price_replace(tx, tenant, &news, &prices).await?;
    Ok(news)
}

/// Notes stock; answers with the variants for which it is news.
async fn hear_stock(
    tx: &mut TenantTx,
    tenant: TenantId,
    mut told: BTreeMap<VariantId, (i64, StockTold)>,
) -> Result<Vec<Uuid>, Fault> {
    if told.is_empty() {
        return Ok(Vec::new());
    }
    let variants: Vec<Uuid> = told.keys().map(|id| id.uuid()).collect();
    let versions: Vec<i64> = told.values().map(|(version, _)| *version).collect();
    let news = heard::stock_heard(tx, tenant, &variants, &versions).await?;
    let mut stock = Stock::default();
    let mut mentioned = BTreeMap::new();
    for variant in &news {
        let Some((_, story)) = told.remove(&VariantId::from_uuid(*variant)) else { continue };
        for item in story.items {
            stock.variants.push(*variant);
            stock.locations.push(item.location_id.uuid());
            stock.available.push(item.available);
            let location = HeardLocation {
                id: item.location_id,
                code: item.location_code,
                priority: item.priority,
                active: true,
                version: 0,
            };
            mentioned.insert(item.location_id, location);
        }
    }
    let mentioned: Vec<HeardLocation> = mentioned.into_values().collect();
    heard::location_mention(tx, tenant, &mentioned).await?;
    heard::stock_replace(tx, tenant, &news, &stock).await?;
    Ok(news)
}
