//! What a calculation is about: its context, and the price rows that it chooses from.

use bloom_kernel::{ChannelId, Country, Currency, PriceId, PriceListId, Timestamp};

use crate::bounded::{Code, ListPriority};
use crate::place::Destination;
use crate::price_list::PriceListStatus;

/// What all lines of a document share.
#[derive(Debug, Clone)]
pub struct QuoteContext {
    /// The currency to pay in.
    pub currency: Currency,
    /// The channel; none: only lists for every channel count.
    pub channel_id: Option<ChannelId>,
    /// The moment that the prices are of.
    pub now: Timestamp,
    /// Whether amounts are shown with tax.
    pub gross: bool,
    /// The destination.
    pub destination: Destination,
}

/// The terms of a price list, as far as they decide about its prices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListTerms {
    pub id: PriceListId,
    pub code: Code,
    /// The currency of its prices.
    pub currency: Currency,
    /// The one channel that it is for.
    pub channel_id: Option<ChannelId>,
    /// Whether its prices include tax.
    pub gross: bool,
    /// The country whose tax its gross prices include; none: the tax of the destination.
    pub tax_country: Option<Country>,
    /// Valid from this moment on.
    pub starts_at: Option<Timestamp>,
    /// Valid until just before this moment.
    pub ends_at: Option<Timestamp>,
    /// Higher wins.
    pub priority: ListPriority,
    /// Only the prices of an active list count.
    pub status: PriceListStatus,
}

/// A price row with the terms of its list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    pub price_id: PriceId,
    pub list: ListTerms,
    /// From this quantity on.
    pub min_quantity: i64,
    /// Minor units for one unit.
    pub amount: i64,
}
