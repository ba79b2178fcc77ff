//! The consumer of catalog events: channels, because a listing price is a price in a channel, and products, because a variant
//! may name its tax class.

use std::collections::HashMap;

use bloom_contract_catalog::events::{Channel as ChannelEvent, Product, Variant};
use bloom_db::TenantTx;
use bloom_events::Envelope;
use bloom_fault::Fault;
use bloom_kernel::VariantId;

use crate::Pricing;
use crate::channel::{Channel, ChannelRow, channel_put};
use crate::terms::{TermsChange, republish_schedule, terms_lock_exclusive, terms_lock_shared};
use crate::variant_class::{VariantClass, variant_classes_put};
use crate::variant_price::{reprice, variant_prices_claim};

/// The events that [`catalog`] takes.
pub const CATALOG: &[&str] = &["bloom.catalog.channel.*", "bloom.catalog.product.*"];
/// Variants that are published in one statement.
const BATCH: usize = 200;

/// Applies events of the catalog.
pub async fn catalog(app: &Pricing, tx: &mut TenantTx, events: &[Envelope]) -> Result<(), Fault> {
    let is_channel = |event: &&Envelope| event.name().starts_with("channel.");
    let (channels, products): (Vec<&Envelope>, Vec<&Envelope>) = events.iter().partition(is_channel);
    // The lock of the terms is taken before all others.
    if channels.is_empty() {
        terms_lock_shared(tx).await?;
    } else {
        terms_lock_exclusive(tx).await?;
    }
    for event in channels {
        apply_channel(tx, event).await?;
    }
    apply_products(app, tx, &products).await
}

async fn apply_channel(tx: &mut TenantTx, event: &Envelope) -> Result<(), Fault> {
    let ChannelEvent { id, currency, price_basis, country, is_default, .. } = event.data()?;
    let channel = Channel { id, currency, gross: price_basis.is_gross(), country };
    if channel_put(tx, &ChannelRow { channel, is_default, version: event.version }).await? {
        let now = tx.now();
        republish_schedule(tx, TermsChange::Channel(id, event.version), now);
    }
    Ok(())
}

async fn apply_products(app: &Pricing, tx: &mut TenantTx, events: &[&Envelope]) -> Result<(), Fault> {
    // Of several events of one product the last one counts.
    let mut classes: HashMap<VariantId, VariantClass> = HashMap::new();
    for event in events {
        let product: Product = event.data()?;
        for Variant { id: variant_id, tax_class_id } in product.variants {
            let class = VariantClass { variant_id, product_id: product.id, class_id: tax_class_id, version: event.version };
            classes.insert(variant_id, class);
        }
    }
    if classes.is_empty() {
        return Ok(());
    }
    let classes: Vec<VariantClass> = classes.into_values().collect();
    let mut changed = variant_classes_put(tx, &classes).await?;
    changed.sort_unstable();
    let now = tx.now();
    for variants in changed.chunks(BATCH) {
        let locked = variant_prices_claim(tx, variants).await?;
        reprice(app, tx, now, locked).await?;
    }
    Ok(())
}
