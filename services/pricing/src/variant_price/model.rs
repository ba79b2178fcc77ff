//! The published price of a variant, and its calculation: a quote of one unit, now, in each channel.

use bloom_contract_pricing::events::ChannelPrice;
use bloom_kernel::{Aggregate, Money, TaxClassId, Timestamp, VariantId};
use serde::Serialize;
use sqlx::types::Json;

use crate::channel::Channel;
use crate::place::Destination;
use crate::quote::{Candidate, Position, QuoteContext, choose, price};
use crate::tax::{TaxRules, due};

/// The price of one unit of a variant by channel, as it was last published. Its document is the contract's
/// [`VariantPrices`](bloom_contract_pricing::events::VariantPrices).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VariantPrice {
    pub variant_id: VariantId,
    pub prices: Json<Vec<ChannelPrice>>,
    /// The version of its last event; 0: nothing is published yet.
    #[serde(skip)]
    pub version: i64,
}

impl VariantPrice {
    /// Whether these prices have to be published. A variant that has never had a price needs no event.
    pub fn differs_from(&self, prices: &[ChannelPrice]) -> bool {
        let never_priced = self.version == 0 && prices.iter().all(|price| price.price.is_none());
        !never_priced && self.prices.0 != prices
    }
}

impl Aggregate for VariantPrice {
    const NOUN: &'static str = "variant_price";
    type Id = VariantId;

    fn id(&self) -> VariantId {
        self.variant_id
    }

    fn version(&self) -> i64 {
        self.version
    }

    /// The first publication is an update too: consumers treat all publications alike.
    fn verb(&self) -> &'static str {
        "updated"
    }
}

/// The prices of a variant in all channels, in the order of the channels.
pub(super) fn channel_prices(
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
        // A class that does not exist yet must not remove a product from the listing; only a quote refuses it.
        let class = class.filter(|id| due(rules, &context.destination, Some(*id)).is_ok());
        let priced = price(&context, won, 1, class, rules, Position::Document).ok()?;
        Some(Money::new(priced.unit_amount, channel.currency))
    };
    channels.iter().map(|channel| ChannelPrice { channel_id: channel.id, price: price_in(channel) }).collect()
}
