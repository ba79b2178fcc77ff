//! The allocation rule, by examples and by properties.

use bloom_kernel::{LocationId, VariantId};
use proptest::prelude::*;
use uuid::Uuid;

use crate::error::Shortage;
use crate::hold::{Demand, Share, allocate};
use crate::item::Level;

fn variant(n: u128) -> VariantId {
    VariantId::from_uuid(Uuid::from_u128(n))
}

fn location(n: u128) -> LocationId {
    LocationId::from_uuid(Uuid::from_u128(n))
}

fn level(v: u128, l: u128, on_hand: i64, backorder_limit: i64) -> Level {
    Level { variant_id: variant(v), location_id: location(l), on_hand, allocated: 0, held: 0, safety_stock: 0, backorder_limit }
}

/// Shares as (line, location, quantity, backordered), or shortages as (line, sellable).
type Expected = Result<&'static [(usize, u128, i64, i64)], &'static [(usize, i64)]>;

/// Demands as (variant, quantity); levels in serving order.
fn check(demands: &[(u128, i64)], levels: &[Level], expected: Expected) {
    let demands: Vec<Demand> = demands.iter().map(|&(v, quantity)| Demand { variant_id: variant(v), quantity }).collect();
    let expected = match expected {
        Ok(shares) => Ok(shares
            .iter()
            .map(|&(line, l, quantity, backordered)| Share {
                line,
                variant_id: demands[line].variant_id,
                location_id: location(l),
                quantity,
                backordered,
            })
            .collect()),
        Err(shortages) => Err(shortages.iter().map(|&(line, sellable)| Shortage { line, sellable }).collect()),
    };
    assert_eq!(allocate(&demands, levels), expected);
}

#[test]
fn the_first_location_serves() {
    check(&[(1, 2)], &[level(1, 1, 5, 0), level(1, 2, 5, 0)], Ok(&[(0, 1, 2, 0)]));
}

#[test]
fn a_line_is_not_split_while_one_location_has_all_of_it() {
    check(&[(1, 4)], &[level(1, 1, 3, 0), level(1, 2, 5, 0)], Ok(&[(0, 2, 4, 0)]));
}

#[test]
fn a_line_is_split_where_one_location_is_not_enough() {
    check(&[(1, 7)], &[level(1, 1, 3, 0), level(1, 2, 5, 0)], Ok(&[(0, 1, 3, 0), (0, 2, 4, 0)]));
}

#[test]
fn units_not_on_hand_are_back_ordered_up_to_the_limit() {
    let levels = [level(1, 1, 1, 0), level(1, 2, 1, 4)];
    check(&[(1, 5)], &levels, Ok(&[(0, 1, 1, 0), (0, 2, 4, 3)]));
    check(&[(1, 7)], &levels, Err(&[(0, 6)]));
}

#[test]
fn lines_of_one_variant_share_its_stock() {
    let levels = [level(1, 1, 3, 0), level(2, 1, 9, 0)];
    check(&[(1, 2), (2, 1), (1, 2)], &levels, Err(&[(0, 3), (2, 3)]));
    check(&[(1, 2), (2, 1), (1, 1)], &levels, Ok(&[(0, 1, 2, 0), (1, 1, 1, 0), (2, 1, 1, 0)]));
}

#[test]
fn an_unknown_variant_has_nothing() {
    check(&[(9, 1)], &[level(1, 1, 3, 0)], Err(&[(0, 0)]));
}

#[test]
fn safety_stock_is_not_sold_and_a_backlog_uses_up_the_limit() {
    let mut kept = level(1, 1, 5, 0);
    kept.safety_stock = 4;
    check(&[(1, 2)], &[kept], Err(&[(0, 1)]));
    let mut backlog = level(1, 1, 2, 5);
    backlog.allocated = 4;
    check(&[(1, 3)], &[backlog], Ok(&[(0, 1, 3, 3)]));
    check(&[(1, 4)], &[backlog], Err(&[(0, 3)]));
}

fn any_level(v: u128, l: u128) -> impl Strategy<Value = Level> {
    (0..8_i64, 0..4_i64, 0..4_i64, 0..3_i64, 0..5_i64).prop_map(move |(on_hand, allocated, held, safety, limit)| Level {
        allocated,
        held,
        safety_stock: safety,
        ..level(v, l, on_hand, limit)
    })
}

fn any_levels() -> impl Strategy<Value = Vec<Level>> {
    let each = (1..=3_u128).flat_map(|v| (1..=3_u128).map(move |l| any_level(v, l)));
    each.collect::<Vec<_>>()
}

proptest! {
    /// All lines are served exactly when the summed demand of each variant fits. Then each line gets what it requested, no location
    /// gives more than it has, and nothing is back-ordered while a unit is on hand.
    #[test]
    fn serves_all_lines_or_none(levels in any_levels(), wanted in prop::collection::vec((1..=3_u128, 1..9_i64), 1..6)) {
        let demands: Vec<Demand> =
            wanted.iter().map(|&(v, quantity)| Demand { variant_id: variant(v), quantity }).collect();
        let of = |v: VariantId| levels.iter().filter(move |level| level.variant_id == v);
        let wanted_units = |v: VariantId| -> i64 { demands.iter().filter(|d| d.variant_id == v).map(|d| d.quantity).sum() };
        let fits = demands.iter().all(|d| wanted_units(d.variant_id) <= of(d.variant_id).map(Level::sellable).sum());
        let result = allocate(&demands, &levels);
        prop_assert_eq!(result.is_ok(), fits);
        for share in result.iter().flatten() {
            prop_assert!(0 <= share.backordered && share.backordered <= share.quantity && 0 < share.quantity);
        }
        let shares = result.unwrap_or_default();
        for (line, demand) in demands.iter().enumerate().filter(|_| fits) {
            prop_assert_eq!(shares.iter().filter(|s| s.line == line).map(|s| s.quantity).sum::<i64>(), demand.quantity);
        }
        for level in levels.iter().filter(|_| fits) {
            let given = shares.iter().filter(|s| (s.variant_id, s.location_id) == (level.variant_id, level.location_id));
            let (quantity, backordered) = given.fold((0, 0), |(q, b), s| (q + s.quantity, b + s.backordered));
            prop_assert!(quantity <= level.sellable());
            prop_assert!(quantity - backordered <= level.available());
        }
        for v in (1..=3).map(variant).filter(|_| fits) {
            let backordered: i64 = shares.iter().filter(|s| s.variant_id == v).map(|s| s.backordered).sum();
            let on_hand: i64 = of(v).map(Level::available).sum();
            prop_assert_eq!(backordered, (wanted_units(v) - on_hand).max(0));
        }
    }
}
