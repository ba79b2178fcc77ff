//! `GET /v1/catalog/products/{product_id}`, with price and stock of the channel when `expand[]` requests them.

use std::collections::HashMap;

use axum::extract::State;
use bloom_fault::{Code, Fault};
use bloom_kernel::{ChannelId, Metadata, Money, ProductId, VariantId};
use bloom_runtime::{Audience, RequestContext};
use bloom_web::Reply;
use bloom_web::{Caller, Path, Query};
use schemars::JsonSchema;
use serde::Deserialize;
use sqlx::PgConnection;

use super::model::{Product, ProductStatus};
use super::store::product_load;
use super::variant::Variant;
use crate::listing::{ProductInventory, ProductListItem, listing_doc};
use crate::{Catalog, CatalogRead};

/// Query parameters of a product.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ProductQuery {
    /// Fields of other services to add: `price`, `inventory`, or both, with a comma between them or each under its own
    /// `expand[]`.
    #[serde(default, rename = "expand[]")]
    expand: Option<String>,
}

pub(super) async fn get(
    State(app): State<Catalog>,
    caller: Caller<CatalogRead>,
    Path(id): Path<ProductId>,
    Query(query): Query<ProductQuery>,
) -> Result<Reply<Product>, Fault> {
    let expand = Expand::parse(query.expand.as_deref())?;
    let mut product = load_visible(&app, &caller, id).await?;
    if expand.is_empty() {
        return Ok(product.into());
    }
    add_expanded(&app, &caller, &mut product, expand).await?;
    // Prices and stock change without the product, so an expanded reply has no ETag.
    Ok(Reply::ok(product))
}

/// The fields that `expand[]` requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Expand {
    price: bool,
    inventory: bool,
}

impl Expand {
    /// Reads `expand[]`, for example `price,inventory`.
    fn parse(text: Option<&str>) -> Result<Self, Fault> {
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

    fn is_empty(self) -> bool {
        self == Self::default()
    }
}

/// The product, if the caller may see it: a publishable key sees what its channel shows.
pub(super) async fn load_visible(app: &Catalog, context: &RequestContext, id: ProductId) -> Result<Product, Fault> {
    let mut conn = app.db.read(context.tenant).await?;
    let product = product_load(&mut conn, &[id]).await?.pop();
    drop(conn);
    let mut product = product.ok_or_else(|| Fault::not_found("product"))?;
    if context.audience == Audience::Publishable {
        let channel = app.channels.resolve(context.tenant, context.channel).await?;
        if product.status != ProductStatus::Active || !product.channel_ids.contains(&channel.id) {
            return Err(Fault::not_found("product"));
        }
        hide(&mut product);
    }
    Ok(product)
}

/// Removes what only the merchant may see: archived variants, metadata, ids of other systems.
fn hide(product: &mut Product) {
    product.variants.retain(Variant::is_active);
    product.metadata = Metadata::default();
    product.external_id = None;
    for variant in &mut product.variants {
        variant.metadata = Metadata::default();
        variant.external_id = None;
    }
}

async fn add_expanded(app: &Catalog, context: &RequestContext, product: &mut Product, expand: Expand) -> Result<(), Fault> {
    let channel = app.channels.resolve(context.tenant, context.channel).await?;
    let mut conn = app.db.read(context.tenant).await?;
    let offers = variant_offer_list(&mut conn, channel.id, product.id).await?;
    let doc = listing_doc(&mut conn, channel.id, product.id).await?;
    drop(conn);
    let item: Option<ProductListItem> = doc.map(|doc| serde_json::from_str(&doc)).transpose().map_err(Fault::internal)?;
    let mut offers: HashMap<VariantId, VariantOffer> = offers.into_iter().map(|offer| (offer.variant_id, offer)).collect();
    let money = |amount| Money::new(amount, channel.currency);
    for variant in &mut product.variants {
        let Some(offer) = offers.remove(&variant.id) else { continue };
        variant.price = expand.price.then(|| offer.price_amount.map(money));
        let inventory = ProductInventory { available: offer.available, warehouse: offer.warehouse };
        variant.inventory = expand.inventory.then_some(inventory);
    }
    if let Some(item) = item {
        product.price = expand.price.then_some(item.price);
        product.inventory = expand.inventory.then_some(item.inventory);
    }
    Ok(())
}

/// Price and stock of one variant in a channel.
#[derive(Debug)]
struct VariantOffer {
    variant_id: VariantId,
    price_amount: Option<i64>,
    available: i64,
    warehouse: Option<String>,
}

/// Price and stock of a product's active variants in a channel.
async fn variant_offer_list(conn: &mut PgConnection, channel: ChannelId, product: ProductId) -> sqlx::Result<Vec<VariantOffer>> {
    sqlx::query_as!(
        VariantOffer,
        r#"select v.id as "variant_id: VariantId", vp.price_amount as "price_amount?",
               coalesce(stock.available, 0)::bigint as "available!", stock.warehouse
           from variant v
           join channel c on c.tenant_id = v.tenant_id and c.id = $1
           left join variant_price vp on vp.tenant_id = v.tenant_id and vp.variant_id = v.id and vp.channel_id = c.id
               and vp.currency = c.currency
           left join lateral (
               select sum(greatest(s.available, 0)) as available,
                   (array_agg(l.code order by array_position(c.location_ids, l.id), l.priority, l.code)
                       filter (where s.available > 0))[1] as warehouse
               from variant_stock s
               join location l on l.tenant_id = s.tenant_id and l.id = s.location_id
               where s.tenant_id = v.tenant_id and s.variant_id = v.id
                   and l.active and (c.location_ids = '{}' or l.id = any (c.location_ids))
           ) stock on true
           where v.product_id = $2 and v.status = 'active'"#,
        channel.uuid(),
        product.uuid(),
    )
    .fetch_all(conn)
    .await
}
