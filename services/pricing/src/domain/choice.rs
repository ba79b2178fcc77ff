//! Which price row wins for a line, and why each other row lost.

use std::cmp::Reverse;

use bloom_kernel::{ChannelId, Currency, PriceId, PriceListId, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;

use super::bounded::Code;
use super::place::Country;
use super::price_list::Status;

/// The terms of a price list, as far as they decide about its prices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// The list.
    pub id: PriceListId,
    /// Its code, for people.
    pub code: Code,
    /// The currency of its prices.
    pub currency: Currency,
    /// The one channel that it is for.
    pub channel_id: Option<ChannelId>,
    /// Whether its prices include tax.
    pub gross: bool,
    /// The country whose tax its gross prices include; none: the tax of wherever the goods go.
    pub tax_country: Option<Country>,
    /// Valid from this moment on.
    pub starts_at: Option<Timestamp>,
    /// Valid until just before this moment.
    pub ends_at: Option<Timestamp>,
    /// Higher wins.
    pub priority: i32,
    /// Only an active list takes part.
    pub status: Status,
}

/// One price row with the terms of its list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The price row.
    pub price_id: PriceId,
    /// Its list.
    pub list: Terms,
    /// From this quantity on.
    pub min_quantity: i64,
    /// Minor units for one unit.
    pub amount: i64,
}

/// When and where something is sold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Occasion {
    /// The currency that is paid in.
    pub currency: Currency,
    /// The channel; none: only lists for every channel take part.
    pub channel_id: Option<ChannelId>,
    /// The moment.
    pub now: Timestamp,
}

/// Why a price row did not win.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Loss {
    /// The list is a draft or archived.
    ListInactive,
    /// The list has another currency.
    OtherCurrency,
    /// The list is for another channel.
    OtherChannel,
    /// The list has not started.
    NotStarted,
    /// The list has ended.
    Ended,
    /// The line's quantity does not reach this tier.
    TierNotReached,
    /// The winner's list has a higher priority.
    LowerPriority,
    /// Same priority, but the winner's list is for this channel only.
    LessSpecific,
    /// Same priority and reach, but the winner's list is newer.
    OlderList,
    /// Same list, but the line reaches a higher tier.
    LowerTier,
}

/// The outcome for one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice<'a> {
    /// The row that prices the line.
    pub won: Option<&'a Candidate>,
    /// The others, in the order given.
    pub lost: Vec<(&'a Candidate, Loss)>,
}

/// Chooses the price of a line by its final quantity.
pub fn choose<'a>(candidates: &'a [Candidate], occasion: &Occasion, quantity: i64) -> Choice<'a> {
    let fit = candidates.iter().filter(|candidate| unfit(candidate, occasion, quantity).is_none());
    let won = fit.max_by_key(|candidate| rank(candidate));
    let lost = candidates
        .iter()
        .filter(|candidate| won.is_none_or(|winner| winner.price_id != candidate.price_id))
        .filter_map(|candidate| {
            let loss = unfit(candidate, occasion, quantity);
            Some((candidate, loss.or_else(|| won.map(|winner| beaten_by(winner, candidate)))?))
        })
        .collect();
    Choice { won, lost }
}

/// Why a row cannot take part at all.
fn unfit(candidate: &Candidate, occasion: &Occasion, quantity: i64) -> Option<Loss> {
    let list = &candidate.list;
    if list.status != Status::Active {
        Some(Loss::ListInactive)
    } else if list.currency != occasion.currency {
        Some(Loss::OtherCurrency)
    } else if list.channel_id.is_some() && list.channel_id != occasion.channel_id {
        Some(Loss::OtherChannel)
    } else if list.starts_at.is_some_and(|start| occasion.now < start) {
        Some(Loss::NotStarted)
    } else if list.ends_at.is_some_and(|end| end <= occasion.now) {
        Some(Loss::Ended)
    } else if quantity < candidate.min_quantity {
        Some(Loss::TierNotReached)
    } else {
        None
    }
}

/// Greater wins. The last part cannot tie: a list has one row per variant and tier.
fn rank(candidate: &Candidate) -> (i32, bool, PriceListId, i64) {
    let list = &candidate.list;
    (list.priority, list.channel_id.is_some(), list.id, candidate.min_quantity)
}

fn beaten_by(winner: &Candidate, loser: &Candidate) -> Loss {
    let (won, lost) = (rank(winner), rank(loser));
    if lost.0 != won.0 {
        Loss::LowerPriority
    } else if lost.1 != won.1 {
        Loss::LessSpecific
    } else if lost.2 != won.2 {
        Loss::OlderList
    } else {
        Loss::LowerTier
    }
}

/// The order in which an explanation names the losers: best list first, then the ladder upwards.
pub fn sort_for_reading(lost: &mut [(Candidate, Loss)]) {
    lost.sort_by_key(|(candidate, _)| {
        let (priority, specific, id, tier) = rank(candidate);
        (Reverse((priority, specific, id)), tier)
    });
}
