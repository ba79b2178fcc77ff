//! The consumer of catalog events: channels, because a listing price is a price in a channel, and products, because a variant
//! may name its tax class.

use std::collections::HashMap;
use std::sync::Arc;

use bloom_events::{Envelope, Handler};
use bloom_fault::Fault;
use bloom_kernel::{ChannelId, Currency, ProductId, TaxClassId, VariantId};
use bloom_runtime::{Call, TenantTx};
use futures::future::BoxFuture;
use serde::Deserialize;

use crate::Pricing;
use crate::channel::{Channel, ChannelRow, channel_put};
use crate::place::Country;
use crate::terms::{TermsChange, republish_schedule, terms_lock_exclusive, terms_lock_shared};
use crate::variant_class::{VariantClass, variant_classes_put};
use crate::variant_price::{reprice_and_publish, variant_prices_claim};

/// Variants that are published in one statement.
const BATCH: usize = 200;

/// All consumers.
pub(crate) fn handlers(app: &Pricing) -> [Arc<dyn Handler>; 1] {
    [Arc::new(Catalog(app.clone()))]
}

struct Catalog(Pricing);

impl Handler for Catalog {
    fn consumer(&self) -> &'static str {
        "pricing.catalog"
    }

    fn topics(&self) -> &'static [&'static str] {
        &["catalog"]
    }

    fn wants(&self, kind: &str) -> bool {
        kind.starts_with("bloom.catalog.channel.") || kind.starts_with("bloom.catalog.product.")
    }

    fn apply<'a>(&'a self, tx: &'a mut TenantTx, batch: &'a [Envelope]) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(apply(&self.0, tx, batch))
    }
}

/// The fields of a channel's event that pricing reads.
#[derive(Deserialize)]
struct ChannelEvent {
    id: ChannelId,
    currency: Currency,
    price_basis: String,
    country: Country,
    is_default: bool,
}

/// The fields of a product's event that pricing reads.
#[derive(Deserialize)]
struct ProductEvent {
    id: ProductId,
    variants: Vec<VariantOfEvent>,
}

#[derive(Deserialize)]
struct VariantOfEvent {
    id: VariantId,
    tax_class_id: Option<TaxClassId>,
}

async fn apply(app: &Pricing, tx: &mut TenantTx, batch: &[Envelope]) -> Result<(), Fault> {
    let is_channel = |event: &&Envelope| event.name().starts_with("channel.");
    let (channels, products): (Vec<&Envelope>, Vec<&Envelope>) = batch.iter().partition(is_channel);
    // The lock of the terms is taken before all others.
    if channels.is_empty() {
        terms_lock_shared(tx).await?;
    } else {
        terms_lock_exclusive(tx).await?;
    }
    for event in channels {
        apply_channel(app, tx, event).await?;
    }
    apply_products(app, tx, &products).await
}

async fn apply_channel(app: &Pricing, tx: &mut TenantTx, event: &Envelope) -> Result<(), Fault> {
    let ChannelEvent { id, currency, price_basis, country, is_default } = event.data()?;
    let channel = Channel { id, currency, gross: price_basis == "gross", country };
    if channel_put(tx, &ChannelRow { channel, is_default, version: event.version }).await? {
        republish_schedule(tx, app.host.now(event.tenant), TermsChange::Channel(id, event.version)).await?;
    }
    Ok(())
}

async fn apply_products(app: &Pricing, tx: &mut TenantTx, events: &[&Envelope]) -> Result<(), Fault> {
    // Of several events of one product the last one counts.
    let mut classes: HashMap<VariantId, VariantClass> = HashMap::new();
    for event in events {
        let product: ProductEvent = event.data()?;
        for VariantOfEvent { id: variant_id, tax_class_id } in product.variants {
            let class = VariantClass { variant_id, product_id: product.id, class_id: tax_class_id, version: event.version };
            classes.insert(variant_id, class);
        }
    }
    let Some(last) = events.last().filter(|_| !classes.is_empty()) else { return Ok(()) };
    let classes: Vec<VariantClass> = classes.into_values().collect();
    let mut changed = variant_classes_put(tx, &classes).await?;
    changed.sort_unstable();
    let call = Call { trace: last.trace.clone(), ..Call::background(crate::NAME, last.tenant, &last.actor) };
    let now = app.host.now(last.tenant);
    for variants in changed.chunks(BATCH) {
        let locked = variant_prices_claim(tx, variants, now).await?;
        reprice_and_publish(app, tx, &call, now, locked).await?;
    }
    Ok(())
}
