//! The events of pricing that other services read. A reader ignores the fields that are not named here.

use bloom_kernel::{ChannelId, Money, TaxClassId, VariantId};
use serde::{Deserialize, Serialize};

/// `bloom.pricing.variant_price.updated`: the price of one unit of a variant now, in each channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VariantPrices {
    /// The variant.
    pub variant_id: VariantId,
    /// Its prices, by channel.
    pub prices: Vec<ChannelPrice>,
}

/// The price of one unit in one channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelPrice {
    /// The channel.
    pub channel_id: ChannelId,
    /// The price in the channel's basis; none: the channel cannot sell the variant.
    pub price: Option<Money>,
}

/// `bloom.pricing.tax_class.created` and `.updated`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct TaxClass {
    /// The class.
    pub id: TaxClassId,
}
