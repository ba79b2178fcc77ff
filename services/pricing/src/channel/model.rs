//! What pricing needs to know of a channel.

use bloom_kernel::{ChannelId, Country, Currency};

/// A channel of the catalog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Channel {
    pub id: ChannelId,
    /// The currency that it sells in.
    pub currency: Currency,
    /// Whether it shows prices with tax.
    pub gross: bool,
    /// The country whose tax applies while no address is known.
    pub country: Country,
}
