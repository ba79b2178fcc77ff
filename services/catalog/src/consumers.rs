//! The consumer `catalog.listing`: keeps the replica and the listing in line with prices, stock and locations.

use std::collections::BTreeMap;

use bloom_db::TenantTx;
use bloom_events::Envelope;
use bloom_fault::Fault;
use bloom_kernel::{ChannelId, LocationId, Money, TaxClassId, VariantId};
use serde::Deserialize;
use uuid::Uuid;

use crate::Catalog;
use crate::listing::{
    Scope, listing_refresh, listing_refresh_stock, product_lock, refresh_scope, topology_change, topology_share, variant_products,
};
use crate::replica::{self, LocationReplica, Prices, Stock};

/// The events that the consumer applies.
pub(crate) const LISTING_KINDS: &[&str] = &[
    "bloom.inventory.location.created",
    "bloom.inventory.location.updated",
    "bloom.inventory.stock.updated",
    "bloom.pricing.tax_class.created",
    "bloom.pricing.tax_class.updated",
    "bloom.pricing.variant_price.updated",
];

#[derive(Deserialize)]
struct VariantPrices {
    variant_id: VariantId,
    prices: Vec<ChannelPrice>,
}

#[derive(Deserialize)]
struct ChannelPrice {
    channel_id: ChannelId,
    price: Option<Money>,
}

#[derive(Deserialize)]
struct VariantStock {
    variant_id: VariantId,
    items: Vec<StockItem>,
}

#[derive(Deserialize)]
struct StockItem {
    location_id: LocationId,
    location_code: String,
    priority: i32,
    available: i64,
}

#[derive(Deserialize)]
struct Location {
    id: LocationId,
    code: String,
    priority: i32,
    active: bool,
}

#[derive(Deserialize)]
struct TaxClass {
    id: TaxClassId,
}

/// A batch by kind of event; of several events about one variant only the newest, with its version.
#[derive(Default)]
struct Batch {
    prices: BTreeMap<VariantId, (i64, VariantPrices)>,
    stock: BTreeMap<VariantId, (i64, VariantStock)>,
    locations: Vec<LocationReplica>,
    tax_classes: Vec<Uuid>,
}

impl Batch {
    fn read(events: &[Envelope]) -> Result<Self, Fault> {
        let mut batch = Self::default();
        for event in events {
            match event.name() {
                "variant_price.updated" => {
                    let data: VariantPrices = event.data()?;
                    keep_newest(&mut batch.prices, data.variant_id, event.version, data);
                }
                "stock.updated" => {
                    let data: VariantStock = event.data()?;
                    keep_newest(&mut batch.stock, data.variant_id, event.version, data);
                }
                "location.created" | "location.updated" => {
                    let Location { id, code, priority, active } = event.data()?;
                    batch.locations.push(LocationReplica { id, code, priority, active, version: event.version });
                }
                "tax_class.created" | "tax_class.updated" => {
                    let data: TaxClass = event.data()?;
                    batch.tax_classes.push(data.id.uuid());
                }
                _ => {}
            }
        }
        Ok(batch)
    }
}

fn keep_newest<T>(events: &mut BTreeMap<VariantId, (i64, T)>, variant: VariantId, version: i64, data: T) {
    if events.get(&variant).is_none_or(|(known, _)| *known <= version) {
        events.insert(variant, (version, data));
    }
}

/// Applies events to the replica, and refreshes the listings that show them.
pub(crate) async fn update_listing(app: &Catalog, tx: &mut TenantTx, events: &[Envelope]) -> Result<(), Fault> {
    let batch = Batch::read(events)?;
    app.lists_changed(tx);
    if batch.locations.is_empty() {
        topology_share(tx).await?;
    } else {
        topology_change(tx).await?;
    }
    if !batch.tax_classes.is_empty() {
        replica::tax_class_insert(tx, &batch.tax_classes).await?;
    }
    for location in &batch.locations {
        if replica::location_upsert(tx, location).await? {
            refresh_scope(tx, Scope::Location(location.id)).await?;
        }
    }
    let priced = apply_prices(tx, batch.prices).await?;
    let mut changed = apply_stock(tx, batch.stock).await?;
    let prices_changed = !priced.is_empty();
    changed.extend(priced);
    if changed.is_empty() {
        return Ok(());
    }
    let products = variant_products(tx, &changed).await?;
    let products = product_lock(tx, &products).await?;
    if prices_changed {
        listing_refresh(tx, &products).await?;
    } else {
        listing_refresh_stock(tx, &products).await?;
    }
    Ok(())
}

/// Replaces prices; returns the variants whose event was no older than the replica.
async fn apply_prices(tx: &mut TenantTx, mut events: BTreeMap<VariantId, (i64, VariantPrices)>) -> Result<Vec<Uuid>, Fault> {
    if events.is_empty() {
        return Ok(Vec::new());
    }
    let variants: Vec<Uuid> = events.keys().map(|id| id.uuid()).collect();
    let versions: Vec<i64> = events.values().map(|(version, _)| *version).collect();
    let current = replica::price_version_record(tx, &variants, &versions).await?;
    let mut prices = Prices::default();
    for variant in &current {
        let Some((_, event)) = events.remove(&VariantId::from_uuid(*variant)) else { continue };
        for entry in event.prices {
            let Some(price) = entry.price else { continue };
            prices.variants.push(*variant);
            prices.channels.push(entry.channel_id.uuid());
            prices.amounts.push(price.amount());
            prices.currencies.push(price.currency().as_str().to_owned());
        }
    }
    replica::price_replace(tx, &current, &prices).await?;
    Ok(current)
}

/// Replaces stock; returns the variants whose event was no older than the replica.
async fn apply_stock(tx: &mut TenantTx, mut events: BTreeMap<VariantId, (i64, VariantStock)>) -> Result<Vec<Uuid>, Fault> {
    if events.is_empty() {
        return Ok(Vec::new());
    }
    let variants: Vec<Uuid> = events.keys().map(|id| id.uuid()).collect();
    let versions: Vec<i64> = events.values().map(|(version, _)| *version).collect();
    let current = replica::stock_version_record(tx, &variants, &versions).await?;
    let mut stock = Stock::default();
    let mut locations = BTreeMap::new();
    for variant in &current {
        let Some((_, event)) = events.remove(&VariantId::from_uuid(*variant)) else { continue };
        for item in event.items {
            stock.variants.push(*variant);
            stock.locations.push(item.location_id.uuid());
            stock.available.push(item.available);
            let (id, code, priority) = (item.location_id, item.location_code, item.priority);
            locations.insert(id, LocationReplica { id, code, priority, active: true, version: 0 });
        }
    }
    let locations: Vec<LocationReplica> = locations.into_values().collect();
    replica::location_insert_missing(tx, &locations).await?;
    replica::stock_replace(tx, &current, &stock).await?;
    Ok(current)
}
