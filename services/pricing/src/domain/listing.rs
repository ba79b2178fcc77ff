//! The price of the listing: one unit, now, in each channel. The same calculation as a quote of one.

use bloom_kernel::{ChannelId, Currency, Money, Rounding, TaxClassId, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::choice::{Candidate, Occasion, choose};
use super::place::{Address, Country};
use super::quote::{Context, Place, price};
use super::tax::{Taxes, due};

/// What pricing must know of a channel of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Channel {
    /// The channel.
    pub id: ChannelId,
    /// The currency that it sells in.
    pub currency: Currency,
    /// Whether it shows prices with tax.
    pub gross: bool,
    /// The country whose tax applies while no address is known.
    pub country: Country,
}

/// The price of one unit in one channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChannelPrice {
    /// The channel.
    pub channel_id: ChannelId,
    /// The price in the channel's basis; none: the channel cannot sell the variant.
    pub price: Option<Money>,
}

/// The prices of a variant in all channels, in the order of the channels.
pub fn listing_prices(
    channels: &[Channel],
    candidates: &[Candidate],
    class: Option<TaxClassId>,
    rounding: Rounding,
    now: Timestamp,
    taxes: &Taxes,
) -> Vec<ChannelPrice> {
    let price_in = |channel: &Channel| {
        let occasion = Occasion { currency: channel.currency, channel_id: Some(channel.id), now };
        let won = choose(candidates, &occasion, 1).won?;
        let address = Address::of_country(channel.country.clone());
        // A class that is not there yet must not take a product out of the listing; the quote will refuse it.
        let class = class.filter(|id| due(taxes, &address, Some(*id)).is_ok());
        let context = Context { occasion, gross: channel.gross, address, rounding };
        let priced = price(&context, won, 1, class, taxes, Place::Document).ok()?;
        Some(Money::new(priced.unit_amount, channel.currency))
    };
    channels.iter().map(|channel| ChannelPrice { channel_id: channel.id, price: price_in(channel) }).collect()
}
