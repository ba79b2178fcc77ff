//! The published price of a variant, and its calculation: a quote of one unit, now, in each channel.

use bloom_events::Draft;
use bloom_kernel::{ChannelId, Money, TaxClassId, Timestamp, VariantId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sqlx::types::Json;

use crate::channel::Channel;
use crate::place::Destination;
use crate::quote::{Candidate, Position, QuoteContext, choose, price};
use crate::tax::{TaxRules, due};

/// The kind of event that publishes it.
pub(crate) const VARIANT_PRICE_UPDATED: &str = "variant_price.updated";

/// The price of one unit of a variant now, by channel: the document of `variant_price.updated`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct VariantPrice {
    /// The variant.
    pub variant_id: VariantId,
    /// Its prices, by channel.
    pub prices: Vec<ChannelPrice>,
}

/// The price of one unit in one channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct ChannelPrice {
    /// The channel.
    pub channel_id: ChannelId,
    /// The price in the channel's basis; none: the channel cannot sell the variant.
    pub price: Option<Money>,
}

/// What was last published of a variant; version 0: nothing yet.
#[derive(Debug, Clone)]
pub(crate) struct VariantPriceRow {
    pub variant_id: VariantId,
    /// Its prices by channel.
    pub prices: Json<Vec<ChannelPrice>>,
    /// The version of its last event.
    pub version: i64,
}

impl VariantPriceRow {
    /// Whether these prices have to be published. A variant that never had a price in any channel needs no event.
    pub(crate) fn differs_from(&self, prices: &[ChannelPrice]) -> bool {
        let never_priced = self.version == 0 && prices.iter().all(|price| price.price.is_none());
        !never_priced && self.prices.0 != prices
    }
}

impl From<&VariantPriceRow> for VariantPrice {
    fn from(row: &VariantPriceRow) -> Self {
        Self { variant_id: row.variant_id, prices: row.prices.0.clone() }
    }
}

impl VariantPrice {
    /// The event of a row that was written with this version.
    pub(crate) fn draft(&self, version: i64) -> Draft<'_> {
        Draft { kind: VARIANT_PRICE_UPDATED, aggregate: self.variant_id.to_string(), version, data: self, causation: None }
    }
}

/// The prices of a variant in all channels, in the order of the channels.
pub(crate) fn channel_prices(
    channels: &[Channel],
    candidates: &[Candidate],
    class: Option<TaxClassId>,
    now: Timestamp,
    rules: &TaxRules,
) -> Vec<ChannelPrice> {
    let price_in = |channel: &Channel| {
        let context = QuoteContext {
            currency: channel.currency,
            channel_id: Some(channel.id),
            now,
            gross: channel.gross,
            destination: Destination::of_country(channel.country.clone()),
        };
        let won = choose(candidates, &context, 1).won?;
        // A class that does not exist yet must not remove a product from the listing; a quote will refuse it.
        let class = class.filter(|id| due(rules, &context.destination, Some(*id)).is_ok());
        let priced = price(&context, won, 1, class, rules, Position::Document).ok()?;
        Some(Money::new(priced.unit_amount, channel.currency))
    };
    channels.iter().map(|channel| ChannelPrice { channel_id: channel.id, price: price_in(channel) }).collect()
}
