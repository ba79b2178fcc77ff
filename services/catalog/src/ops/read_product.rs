//! `GET /v1/catalog/products/{id}`, with what other services know when `expand[]` asks for it.

use std::collections::HashMap;

use bloom_fault::{Code, Fault};
use bloom_kernel::{Metadata, Money, ProductId, VariantId};
use bloom_runtime::{Audience, RequestContext};

use crate::Catalog;
use crate::domain::list::{ListInventory, ListItem};
use crate::domain::product::{Product, ProductStatus};
use crate::domain::variant::Variant;
use crate::store::product::product_load;
use crate::store::sellable::{VariantFacts, listing_doc, variant_facts};

/// What a read may bring along.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Expand {
    /// The price in the channel.
    pub price: bool,
    /// The stock of the channel.
    pub inventory: bool,
}

impl Expand {
    /// From the text of `expand[]`, for example `price,inventory`.
    pub fn parse(text: Option<&str>) -> Result<Self, Fault> {
        let mut expand = Self::default();
        for path in text.into_iter().flat_map(|text| text.split(',')).map(str::trim) {
            match path {
                "price" => expand.price = true,
                "inventory" => expand.inventory = true,
                _ => {
                    let message = format!("`{path}` cannot be expanded here; `price` and `inventory` can.");
                    return Err(Fault::new(Code::Invalid, "expand_unknown", message.clone()).at("expand[]", "unknown", message));
                }
            }
        }
        Ok(expand)
    }

    /// Whether nothing is asked for.
    pub fn is_empty(self) -> bool {
        self == Self::default()
    }
}

/// The product, when the caller may see it: a publishable key sees what its channel shows.
pub async fn read_product(app: &Catalog, call: &RequestContext, id: ProductId, expand: Expand) -> Result<Product, Fault> {
    let mut conn = app.db.read(call.tenant).await?;
    let product = product_load(&mut conn, &[id]).await?.pop();
    drop(conn);
    let mut product = product.ok_or_else(|| Fault::not_found("product"))?;
    if call.audience == Audience::Publishable {
        let channel = app.channels.resolve(call.tenant, call.channel).await?;
        if product.status != ProductStatus::Active || !product.channel_ids.contains(&channel.id) {
            return Err(Fault::not_found("product"));
        }
        hide(&mut product);
    }
    if !expand.is_empty() {
        self::expand(app, call, &mut product, expand).await?;
    }
    Ok(product)
}

/// What is the merchant's own business: archived variants, notes, keys of other systems.
fn hide(product: &mut Product) {
    product.variants.retain(Variant::is_active);
    product.metadata = Metadata::default();
    product.external_id = None;
    for variant in &mut product.variants {
        variant.metadata = Metadata::default();
        variant.external_id = None;
    }
}

async fn expand(app: &Catalog, call: &RequestContext, product: &mut Product, expand: Expand) -> Result<(), Fault> {
    let channel = app.channels.resolve(call.tenant, call.channel).await?;
    let mut conn = app.db.read(call.tenant).await?;
    let facts = variant_facts(&mut conn, channel.id, product.id).await?;
    let doc = listing_doc(&mut conn, channel.id, product.id).await?;
    drop(conn);
    let item: Option<ListItem> = doc.map(|doc| serde_json::from_str(&doc)).transpose().map_err(Fault::internal)?;
    let mut facts: HashMap<VariantId, VariantFacts> = facts.into_iter().map(|facts| (facts.variant_id, facts)).collect();
    let money = |amount| Money::new(amount, channel.currency);
    for variant in &mut product.variants {
        let Some(facts) = facts.remove(&variant.id) else { continue };
        variant.price = expand.price.then(|| facts.price_amount.map(money));
        let inventory = ListInventory { available: facts.available, warehouse: facts.warehouse };
        variant.inventory = expand.inventory.then_some(inventory);
    }
    if let Some(item) = item {
        product.price = expand.price.then_some(item.price);
        product.inventory = expand.inventory.then_some(item.inventory);
    }
    Ok(())
}
