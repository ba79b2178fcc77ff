//! Which price row wins for a line, and why each of the others lost.

use std::cmp::Reverse;

use bloom_kernel::PriceListId;
use schemars::JsonSchema;
use serde::Serialize;

use super::model::{Candidate, QuoteContext};
use crate::bounded::ListPriority;
use crate::price_list::PriceListStatus;

/// Why a price row did not win.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LossReason {
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
    /// Same priority and channels, but the winner's list is newer.
    OlderList,
    /// Same list, but the line reaches a higher tier.
    LowerTier,
}

/// The choice for one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice<'a> {
    /// The row that gives the price.
    pub won: Option<&'a Candidate>,
    /// The others, in the order given.
    pub lost: Vec<(&'a Candidate, LossReason)>,
}

/// Chooses the price of a line by its final quantity.
pub fn choose<'a>(candidates: &'a [Candidate], context: &QuoteContext, quantity: i64) -> Choice<'a> {
    let fit = candidates.iter().filter(|candidate| unfit(candidate, context, quantity).is_none());
    let won = fit.max_by_key(|candidate| rank(candidate));
    let lost = candidates
        .iter()
        .filter(|candidate| won.is_none_or(|winner| winner.price_id != candidate.price_id))
        .filter_map(|candidate| {
            let loss = unfit(candidate, context, quantity);
            Some((candidate, loss.or_else(|| won.map(|winner| beaten_by(winner, candidate)))?))
        })
        .collect();
    Choice { won, lost }
}

/// Why a row does not count at all.
fn unfit(candidate: &Candidate, context: &QuoteContext, quantity: i64) -> Option<LossReason> {
    let list = &candidate.list;
    if list.status != PriceListStatus::Active {
        Some(LossReason::ListInactive)
    } else if list.currency != context.currency {
        Some(LossReason::OtherCurrency)
    } else if list.channel_id.is_some() && list.channel_id != context.channel_id {
        Some(LossReason::OtherChannel)
    } else if list.starts_at.is_some_and(|start| context.now < start) {
        Some(LossReason::NotStarted)
    } else if list.ends_at.is_some_and(|end| end <= context.now) {
        Some(LossReason::Ended)
    } else if quantity < candidate.min_quantity {
        Some(LossReason::TierNotReached)
    } else {
        None
    }
}

/// The greatest wins. Two ranks are never equal: a list has one row per variant and tier.
fn rank(candidate: &Candidate) -> (ListPriority, bool, PriceListId, i64) {
    let list = &candidate.list;
    (list.priority, list.channel_id.is_some(), list.id, candidate.min_quantity)
}

fn beaten_by(winner: &Candidate, loser: &Candidate) -> LossReason {
    let (won, lost) = (rank(winner), rank(loser));
    if lost.0 != won.0 {
        LossReason::LowerPriority
    } else if lost.1 != won.1 {
        LossReason::LessSpecific
    } else if lost.2 != won.2 {
        LossReason::OlderList
    } else {
        LossReason::LowerTier
    }
}

/// Sorts losing rows for an explanation: the best list first, then its tiers upwards.
pub fn sort_for_reading(lost: &mut [(Candidate, LossReason)]) {
    lost.sort_by_key(|(candidate, _)| {
        let (priority, specific, id, tier) = rank(candidate);
        (Reverse((priority, specific, id)), tier)
    });
}
