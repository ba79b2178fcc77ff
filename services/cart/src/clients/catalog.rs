//! Catalog: the channel that a cart buys in, and the variants in it.

use std::collections::HashMap;

use bloom_contract_catalog::{GetSellablesReply, GetSellablesRequest};
use bloom_fault::{Code, Fault};
use bloom_kernel::{ChannelId, Currency, LocationId, PriceBasis, ProductId, TaxClassId, VariantId, ViolationCode};
use bloom_runtime::RequestContext;

use crate::Carts;

/// A channel as it is now.
#[derive(Debug, Clone)]
pub(crate) struct Channel {
    pub(crate) id: ChannelId,
    pub(crate) currency: Currency,
    pub(crate) basis: PriceBasis,
    /// Country whose tax applies while there is no address.
    pub(crate) country: String,
    /// The locations that serve it, in the order of their priority.
    pub(crate) locations: Vec<LocationId>,
}

/// A variant as it is now.
#[derive(Debug, Clone)]
pub(crate) struct Sellable {
    pub(crate) product_id: ProductId,
    pub(crate) sku: String,
    /// Title of the product.
    pub(crate) title: String,
    /// Option values.
    pub(crate) variant_title: String,
    /// None: the tenant's default tax class.
    pub(crate) tax_class_id: Option<TaxClassId>,
    /// Weight of a unit.
    pub(crate) weight_grams: i64,
    /// Whether it is on sale in the channel.
    pub(crate) published: bool,
    pub(crate) requires_shipping: bool,
}

/// The reply of catalog for a cart.
#[derive(Debug, Clone)]
pub(crate) struct CatalogAnswer {
    pub(crate) channel: Channel,
    /// The variants that exist.
    pub(crate) sellables: HashMap<VariantId, Sellable>,
}

/// A channel (empty: the tenant's default) and variants.
pub(crate) async fn from_catalog(
    app: &Carts,
    context: &RequestContext,
    channel_id: String,
    variants: impl Iterator<Item = VariantId>,
) -> Result<CatalogAnswer, Fault> {
    let request = GetSellablesRequest { channel_id, variant_ids: variants.map(|id| id.to_string()).collect() };
    let reply = app.catalog.clone().get_sellables(app.context.request(context, request)).await?.into_inner();
    read(reply).ok_or_else(|| Fault::internal("catalog's answer cannot be read"))
}

/// Refuses a channel that catalog does not know.
pub(crate) async fn check_channel(app: &Carts, context: &RequestContext, channel: ChannelId) -> Result<(), Fault> {
    match from_catalog(app, context, channel.to_string(), std::iter::empty()).await {
        Ok(_) => Ok(()),
        Err(fault) if fault.code == Code::NotFound => {
            Err(Fault::not_found("channel").at("/channel_id", ViolationCode::Unknown, "There is no such channel."))
        }
        Err(fault) => Err(fault),
    }
}

fn read(reply: GetSellablesReply) -> Option<CatalogAnswer> {
    let channel = reply.channel?;
    let channel = Channel {
        id: channel.id.parse().ok()?,
        currency: Currency::parse(&channel.currency).ok()?,
        basis: PriceBasis::of_gross(channel.gross),
        country: channel.country,
        locations: channel.location_ids.iter().map(|id| id.parse().ok()).collect::<Option<_>>()?,
    };
    let sellables = reply.sellables.into_iter().map(|sellable| {
        let id: VariantId = sellable.variant_id.parse().ok()?;
        let tax_class_id = match sellable.tax_class_id.as_str() {
            "" => None,
            class => Some(class.parse().ok()?),
        };
        let sellable = Sellable {
            product_id: sellable.product_id.parse().ok()?,
            sku: sellable.sku,
            title: sellable.title,
            variant_title: sellable.variant_title,
            tax_class_id,
            weight_grams: sellable.weight_grams.max(0),
            published: sellable.published,
            requires_shipping: sellable.requires_shipping,
        };
        Some((id, sellable))
    });
    Some(CatalogAnswer { channel, sellables: sellables.collect::<Option<HashMap<_, _>>>()? })
}
