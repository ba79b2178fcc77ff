//! Decides which location serves which line. Holds use this rule, and the displayed availability uses it through
//! [`Level::sellable`].

use std::collections::BTreeMap;

use bloom_kernel::{LocationId, VariantId};

use crate::error::Shortage;
use crate::item::Level;

/// What one line requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Demand {
    /// The variant.
    pub variant_id: VariantId,
    /// Units, at least one.
    pub quantity: i64,
}

/// What one location gives to one line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// Index of the line.
    pub line: usize,
    /// The variant.
    pub variant_id: VariantId,
    /// The location.
    pub location_id: LocationId,
    /// Units.
    pub quantity: i64,
    /// Of these, units that are not on hand.
    pub backordered: i64,
}

/// The units that a location has left while the lines are served in order.
struct Source {
    location_id: LocationId,
    on_hand: i64,
    backorder: i64,
}

/// Serves all lines or none. `levels` are in the order in which locations serve, each item once.
///
/// The first location with enough units serves the whole line. If there is none, several locations serve it in order. Units that are
/// on hand nowhere are back-ordered by the same rule.
pub fn allocate(demands: &[Demand], levels: &[Level]) -> Result<Vec<Share>, Vec<Shortage>> {
    let mut sources: BTreeMap<VariantId, Vec<Source>> = BTreeMap::new();
    for level in levels {
        let on_hand = level.available();
        let source = Source { location_id: level.location_id, on_hand, backorder: level.sellable() - on_hand };
        sources.entry(level.variant_id).or_default().push(source);
    }
    let shortages = shortages(demands, &sources);
    if !shortages.is_empty() {
        return Err(shortages);
    }
    let mut shares = Vec::with_capacity(demands.len());
    for (line, demand) in demands.iter().enumerate() {
        let sources = sources.get_mut(&demand.variant_id).map(Vec::as_mut_slice).unwrap_or_default();
        shares.extend(serve(line, demand, sources));
    }
    Ok(shares)
}

/// Sums the demand of all lines of a variant before the comparison, because the lines share its stock.
fn shortages(demands: &[Demand], sources: &BTreeMap<VariantId, Vec<Source>>) -> Vec<Shortage> {
    let mut wanted: BTreeMap<VariantId, i64> = BTreeMap::new();
    for demand in demands {
        let sum = wanted.entry(demand.variant_id).or_default();
        *sum = sum.saturating_add(demand.quantity);
    }
    let sellable = |variant: &VariantId| -> i64 {
        sources.get(variant).into_iter().flatten().map(|source| source.on_hand + source.backorder).sum()
    };
    let lacking: BTreeMap<VariantId, i64> = wanted
        .into_iter()
        .map(|(variant, wanted)| (variant, wanted, sellable(&variant)))
        .filter(|(_, wanted, sellable)| sellable < wanted)
        .map(|(variant, _, sellable)| (variant, sellable))
        .collect();
    demands
        .iter()
        .enumerate()
        .filter_map(|(line, demand)| lacking.get(&demand.variant_id).map(|&sellable| Shortage { line, sellable }))
        .collect()
}

fn serve(line: usize, demand: &Demand, sources: &mut [Source]) -> Vec<Share> {
    let on_hand = take(sources.iter_mut().map(|source| &mut source.on_hand).collect(), demand.quantity);
    let rest = demand.quantity - on_hand.iter().sum::<i64>();
    let backordered = take(sources.iter_mut().map(|source| &mut source.backorder).collect(), rest);
    sources
        .iter()
        .zip(on_hand.into_iter().zip(backordered))
        .filter(|(_, (on_hand, backordered))| 0 < on_hand + backordered)
        .map(|(source, (on_hand, backordered))| Share {
            line,
            variant_id: demand.variant_id,
            location_id: source.location_id,
            quantity: on_hand + backordered,
            backordered,
        })
        .collect()
}

/// Takes up to `wanted` units: all from the first place with enough of them, else from one place after another.
fn take(mut places: Vec<&mut i64>, wanted: i64) -> Vec<i64> {
    let mut taken = vec![0; places.len()];
    let mut rest = wanted;
    let whole = places.iter().position(|left| wanted <= **left);
    let order = whole.map_or(0..places.len(), |place| place..place + 1);
    for place in order {
        let units = rest.min(*places[place]);
        *places[place] -= units;
        taken[place] = units;
        rest -= units;
    }
    taken
}
