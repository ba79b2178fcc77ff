//! What pricing hears of the catalogue: channels, because a listing price is a price in a channel, and products, because
//! a variant may name its tax class.

use std::collections::HashMap;
use std::sync::Arc;

use bloom_db::TenantTx;
use bloom_events::{Envelope, Handler};
use bloom_fault::Fault;
use bloom_kernel::{ChannelId, Currency, ProductId, TaxClassId, VariantId};
use bloom_runtime::RequestContext;
use futures::future::BoxFuture;
use serde::Deserialize;

use crate::Pricing;
use crate::domain::listing::Channel;
use crate::domain::place::Country;
use crate::ops::republish::{Scope, pass_begin, publish_prices, reprice};
use crate::store::channel::{ChannelRow, VariantClass, channel_put, variant_classes_put};
use crate::store::terms::{terms_change, terms_share};
use crate::store::variant_price::variant_prices_claim;

/// Variants that are published anew in one statement.
const BATCH: usize = 200;

/// The consumers of this service.
pub fn handlers(app: &Pricing) -> [Arc<dyn Handler>; 1] {
    [Arc::new(Catalogue(app.clone()))]
}

struct Catalogue(Pricing);

impl Handler for Catalogue {
    fn consumer(&self) -> &'static str {
        "pricing.catalogue"
    }

    fn topics(&self) -> &'static [&'static str] {
        &["catalog"]
    }

    fn wants(&self, kind: &str) -> bool {
        kind.starts_with("bloom.catalog.channel.") || kind.starts_with("bloom.catalog.product.")
    }

    fn apply<'a>(&'a self, tx: &'a mut TenantTx, batch: &'a [Envelope]) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(self.keep(tx, batch))
    }
}

/// A channel's event, as far as pricing reads it.
#[derive(Deserialize)]
struct ChannelDoc {
    id: ChannelId,
    currency: Currency,
    price_basis: String,
    country: Country,
    is_default: bool,
}

/// A product's event, as far as pricing reads it.
#[derive(Deserialize)]
struct ProductDoc {
    id: ProductId,
    variants: Vec<VariantDoc>,
}

#[derive(Deserialize)]
struct VariantDoc {
    id: VariantId,
    tax_class_id: Option<TaxClassId>,
}

impl Catalogue {
    async fn keep(&self, tx: &mut TenantTx, batch: &[Envelope]) -> Result<(), Fault> {
        let is_channel = |event: &&Envelope| event.name().starts_with("channel.");
        let (channels, products): (Vec<&Envelope>, Vec<&Envelope>) = batch.iter().partition(is_channel);
        // The lock of the terms comes before all others; see there.
        if channels.is_empty() {
            terms_share(tx).await?;
        } else {
            terms_change(tx).await?;
        }
        for event in channels {
            self.keep_channel(tx, event).await?;
        }
        self.keep_classes(tx, &products).await
    }

    async fn keep_channel(&self, tx: &mut TenantTx, event: &Envelope) -> Result<(), Fault> {
        let ChannelDoc { id, currency, price_basis, country, is_default } = event.data()?;
        let channel = Channel { id, currency, gross: price_basis == "gross", country };
        if channel_put(tx, &ChannelRow { channel, is_default, version: event.version }).await? {
            pass_begin(tx, self.0.host.now(event.tenant), Scope::Channel(id, event.version)).await?;
        }
        Ok(())
    }

    async fn keep_classes(&self, tx: &mut TenantTx, events: &[&Envelope]) -> Result<(), Fault> {
        // Of several events of one product the last says how it is.
        let mut classes: HashMap<VariantId, VariantClass> = HashMap::new();
        for event in events {
            let product: ProductDoc = event.data()?;
            for VariantDoc { id: variant_id, tax_class_id } in product.variants {
                let class = VariantClass { variant_id, product_id: product.id, class_id: tax_class_id, version: event.version };
                classes.insert(variant_id, class);
            }
        }
        let Some(last) = events.last().filter(|_| !classes.is_empty()) else { return Ok(()) };
        let classes: Vec<VariantClass> = classes.into_values().collect();
        let mut changed = variant_classes_put(tx, &classes).await?;
        changed.sort_unstable();
        let call =
            RequestContext { trace: last.trace.clone(), ..RequestContext::background(crate::NAME, last.tenant, &last.actor) };
        let now = self.0.host.now(last.tenant);
        for variants in changed.chunks(BATCH) {
            let locked = variant_prices_claim(tx, variants, now).await?;
            let news = reprice(&self.0, tx, now, locked).await?;
            publish_prices(&self.0, tx, &call, &news).await?;
        }
        Ok(())
    }
}
