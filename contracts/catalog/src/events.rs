//! The events of the catalogue that other services read. A reader ignores the fields that are not named here.

use bloom_kernel::{ChannelId, Country, Currency, LocationId, PriceBasis, ProductId, TaxClassId, VariantId};
use serde::Deserialize;

/// `bloom.catalog.channel.created` and `.updated`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Channel {
    /// The channel.
    pub id: ChannelId,
    /// The currency of its prices.
    pub currency: Currency,
    /// Whether its prices include tax.
    pub price_basis: PriceBasis,
    /// The country whose tax applies while no address is known.
    pub country: Country,
    /// Stock locations in serving order; empty: every active location.
    pub location_ids: Vec<LocationId>,
    /// Whether requests that name no channel get this one.
    pub is_default: bool,
    /// Whether it sells.
    pub active: bool,
}

/// `bloom.catalog.product.created`, `.updated` and `.archived`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Product {
    /// The product.
    pub id: ProductId,
    /// Its variants, archived ones included.
    pub variants: Vec<Variant>,
}

/// A variant of a product.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Variant {
    /// The variant.
    pub id: VariantId,
    /// Its tax class; none: the tenant's default class.
    pub tax_class_id: Option<TaxClassId>,
}
