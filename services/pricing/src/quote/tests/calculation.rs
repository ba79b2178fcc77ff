//! The calculation without a database: known traps, and what must hold for every input.

use bloom_kernel::{ChannelId, PriceId, Rounding, TaxClassId};
use proptest::prelude::*;

use super::builders::{REDUCED, STANDARD, any_rounding, at, context, country, currency, id, line, list, row, taxes};
use crate::bounded::ListPriority;
use crate::price_list::PriceListStatus;
use crate::quote::calculate::{Calculation, CalculationError, CalculationLine, Delivery, Position, calculate};
use crate::quote::choose::{LossReason, choose};
use crate::quote::model::{Candidate, ListTerms, QuoteContext};
use crate::tax::TaxRules;

/// Sums of a document: (net, tax, total).
fn sums(document: &Calculation) -> (i64, i64, i64) {
    (document.total - document.tax_total, document.tax_total, document.total)
}

#[test]
fn totals_are_whole_minor_units() {
    // 24.99 at 10.75 % and 6.44 untaxed: 34.12, not 34.116425.
    let taxes = taxes(&[("US", STANDARD, 107_500), ("US", REDUCED, 0)]);
    let lines = [line(1, vec![row(1, list(1, "USD", false), 1, 2_499)])];
    let delivery = Delivery { amount: 644, class_id: Some(id(REDUCED)) };
    let document = calculate(&context("USD", false, "US"), &lines, Some(delivery), &taxes).unwrap();
    assert_eq!(sums(&document), (3_143, 269, 3_412));
    let priced = document.lines[0].priced.as_ref().unwrap();
    let remainder = priced.taxed.steps.iter().find(|step| step.remainder_numerator != 0).unwrap();
    // 2.686425 became 2.69: 0.3575 of a cent was added.
    assert_eq!((remainder.amount, remainder.remainder_numerator, remainder.remainder_denominator), (269, -357_500, 1_000_000));
}

#[test]
fn tax_of_home_is_removed_per_line_and_not_per_unit() {
    // 100 with 20 % inside, twice, into a country without tax: 167, not 2 × 83.
    let taxes = taxes(&[("GB", STANDARD, 200_000), ("JE", STANDARD, 0)]);
    let home = ListTerms { tax_country: Some(country("GB")), ..list(1, "GBP", true) };
    let lines = [line(2, vec![row(1, home, 1, 100)])];
    for gross in [true, false] {
        let document = calculate(&context("GBP", gross, "JE"), &lines, None, &taxes).unwrap();
        let priced = document.lines[0].priced.as_ref().unwrap();
        assert_eq!((priced.line_amount, priced.unit_amount), (167, 83));
        assert_eq!(sums(&document), (167, 0, 167));
        assert_eq!(priced.tax_removed_of, Some(country("GB")));
    }
    // At home it stays 200, and so it does in a list that names no country of its tax.
    let at_home = calculate(&context("GBP", true, "GB"), &lines, None, &taxes).unwrap();
    assert_eq!(sums(&at_home), (167, 33, 200));
    let lines = [line(2, vec![row(1, list(1, "GBP", true), 1, 100)])];
    assert_eq!(sums(&calculate(&context("GBP", true, "JE"), &lines, None, &taxes).unwrap()), (200, 0, 200));
}

#[test]
fn tax_is_calculated_per_line_and_summed_over_lines() {
    // 8.50 and 1.65 gross at 7 %: 0.56 + 0.11 = 0.67, although 7 % in 10.15 would be 0.66.
    let taxes = taxes(&[("DE", STANDARD, 70_000)]);
    let lines = [line(1, vec![row(1, list(1, "EUR", true), 1, 850)]), line(1, vec![row(2, list(1, "EUR", true), 1, 165)])];
    let document = calculate(&context("EUR", true, "DE"), &lines, None, &taxes).unwrap();
    let tax: Vec<i64> = document.lines.iter().map(|line| line.priced.as_ref().unwrap().taxed.tax).collect();
    assert_eq!((tax, document.tax_total), (vec![56, 11], 67));
    assert_eq!(document.taxes.len(), 1);
    assert_eq!((document.taxes[0].taxable_amount, document.taxes[0].tax_amount), (948, 67));
}

#[test]
fn tax_is_rounded_per_line_and_not_per_unit() {
    // 3 × 1.08 at 19 %: 3.86; rounding each unit would make it 3.87.
    let taxes = taxes(&[("DE", STANDARD, 190_000)]);
    let lines = [line(3, vec![row(1, list(1, "EUR", false), 1, 108)])];
    assert_eq!(sums(&calculate(&context("EUR", false, "DE"), &lines, None, &taxes).unwrap()), (324, 62, 386));
    // Shown gross the line is the same: the basis of the list decides how it is calculated.
    let shown = calculate(&context("EUR", true, "DE"), &lines, None, &taxes).unwrap();
    assert_eq!((sums(&shown), shown.subtotal), ((324, 62, 386), 386));
    assert_eq!(shown.lines[0].priced.as_ref().unwrap().unit_amount, 129);
}

#[test]
fn several_rates_share_the_tax_in_a_gross_price() {
    // 9 % and 9 % in 100.03: one net of 84.77 under 18 %, and its 15.26 of tax in two halves.
    let taxes = taxes(&[("IN", STANDARD, 90_000), ("IN", STANDARD, 90_000)]);
    let lines = [line(1, vec![row(1, list(1, "INR", true), 1, 10_003)])];
    let document = calculate(&context("INR", true, "IN"), &lines, None, &taxes).unwrap();
    let split = &document.lines[0].priced.as_ref().unwrap().taxed;
    assert_eq!((split.net, split.tax, split.gross), (8_477, 1_526, 10_003));
    assert_eq!(split.lines.iter().map(|line| line.tax_amount).collect::<Vec<_>>(), [763, 763]);
}

#[test]
fn an_odd_unit_of_tax_goes_to_the_first_of_equal_rates() {
    let taxes = taxes(&[("IN", STANDARD, 90_000), ("IN", STANDARD, 90_000)]);
    let lines = [line(1, vec![row(1, list(1, "INR", true), 1, 99)])];
    let document = calculate(&context("INR", true, "IN"), &lines, None, &taxes).unwrap();
    let split = &document.lines[0].priced.as_ref().unwrap().taxed;
    assert_eq!((split.net, split.tax), (84, 15));
    assert_eq!(split.lines.iter().map(|line| line.tax_amount).collect::<Vec<_>>(), [8, 7]);
}

#[test]
fn currencies_with_zero_and_three_decimals() {
    let taxes = taxes(&[("JP", STANDARD, 100_000), ("KW", STANDARD, 50_000)]);
    let yen = [line(3, vec![row(1, list(1, "JPY", false), 1, 105)])];
    // 315 yen and 31.5 tax: there is no half yen.
    assert_eq!(sums(&calculate(&context("JPY", false, "JP"), &yen, None, &taxes).unwrap()), (315, 32, 347));
    let dinar = [line(1, vec![row(1, list(1, "KWD", false), 1, 1_250)])];
    // 1.250 dinar at 5 %: 0.0625 becomes 0.063.
    assert_eq!(sums(&calculate(&context("KWD", false, "KW"), &dinar, None, &taxes).unwrap()), (1_250, 63, 1_313));
}

#[test]
fn the_rounding_mode_decides_about_halves() {
    let taxes = taxes(&[("DE", STANDARD, 50_000)]);
    for (mode, tax) in [(Rounding::HalfUp, 3), (Rounding::HalfEven, 2), (Rounding::HalfDown, 2)] {
        let lines = [line(1, vec![row(1, list(1, "EUR", false), 1, 50)])];
        let rules = TaxRules { rounding: mode, ..taxes.clone() };
        assert_eq!(calculate(&context("EUR", false, "DE"), &lines, None, &rules).unwrap().tax_total, tax, "{mode:?}");
    }
}

#[test]
fn every_losing_row_has_its_reason() {
    let channel: ChannelId = id(50);
    let terms = |number: u128| list(number, "EUR", true);
    let candidates = vec![
        row(1, ListTerms { priority: ListPriority::new(5).unwrap(), channel_id: Some(channel), ..terms(1) }, 1, 100),
        row(2, ListTerms { priority: ListPriority::new(5).unwrap(), channel_id: Some(channel), ..terms(1) }, 5, 90),
        row(3, ListTerms { priority: ListPriority::new(5).unwrap(), channel_id: Some(channel), ..terms(1) }, 50, 80),
        row(4, ListTerms { priority: ListPriority::new(5).unwrap(), ..terms(2) }, 1, 70),
        row(5, ListTerms { priority: ListPriority::new(4).unwrap(), ..terms(3) }, 1, 60),
        row(6, ListTerms { status: PriceListStatus::Draft, ..terms(4) }, 1, 50),
        row(7, ListTerms { currency: currency("USD"), ..terms(5) }, 1, 50),
        row(8, ListTerms { channel_id: Some(id(51)), ..terms(6) }, 1, 50),
        row(9, ListTerms { starts_at: Some(at(1)), ..terms(7) }, 1, 50),
        row(10, ListTerms { ends_at: Some(at(0)), ..terms(8) }, 1, 50),
        row(11, ListTerms { priority: ListPriority::new(5).unwrap(), channel_id: Some(channel), ..terms(0) }, 1, 50),
    ];
    let context = QuoteContext { channel_id: Some(channel), ..context("EUR", true, "DE") };
    let choice = choose(&candidates, &context, 7);
    assert_eq!(choice.won.unwrap().price_id, id::<PriceId>(2));
    let reasons: Vec<(u128, LossReason)> = choice.lost.iter().map(|(row, loss)| (row.price_id.uuid().as_u128(), *loss)).collect();
    let expected = [
        (1, LossReason::LowerTier),
        (3, LossReason::TierNotReached),
        (4, LossReason::LessSpecific),
        (5, LossReason::LowerPriority),
        (6, LossReason::ListInactive),
        (7, LossReason::OtherCurrency),
        (8, LossReason::OtherChannel),
        (9, LossReason::NotStarted),
        (10, LossReason::Ended),
        (11, LossReason::OlderList),
    ];
    assert_eq!(reasons, expected);
}

#[test]
fn an_unpriced_line_adds_nothing_to_the_sums() {
    let lines = [line(1, vec![row(1, list(1, "USD", true), 1, 100)]), line(1, vec![row(2, list(1, "EUR", true), 1, 100)])];
    let document = calculate(&context("EUR", true, "DE"), &lines, None, &taxes(&[])).unwrap();
    assert!(document.lines[0].priced.is_none());
    assert_eq!(document.lines[0].lost[0].1, LossReason::OtherCurrency);
    assert_eq!(sums(&document), (100, 0, 100));
}

#[test]
fn overflow_and_unknown_class_name_their_position() {
    let taxes = taxes(&[("DE", STANDARD, 190_000)]);
    let huge = row(1, list(1, "EUR", false), 1, i64::MAX / 2);
    let refused = |lines: &[CalculationLine]| calculate(&context("EUR", false, "DE"), lines, None, &taxes).unwrap_err();
    assert_eq!(refused(&[line(3, vec![huge.clone()])]), CalculationError::OutOfRange(Position::Line(0)));
    let pair = [line(1, vec![huge.clone()]), line(1, vec![huge.clone()])];
    assert_eq!(refused(&pair), CalculationError::OutOfRange(Position::Document));
    let unknown = CalculationLine { class_id: Some(id(99)), ..line(1, vec![huge]) };
    assert_eq!(refused(&[unknown]), CalculationError::UnknownClass(Position::Line(0)));
}

/// A document of random lines: (amount, quantity, gross list, moved from home, class).
fn any_document() -> impl Strategy<Value = Vec<(i64, i64, bool, bool, bool)>> {
    let line = (0_i64..2_000_000_000, 1_i64..10_000, any::<bool>(), any::<bool>(), any::<bool>());
    proptest::collection::vec(line, 1..8)
}

proptest! {
    #[test]
    fn sums_agree_for_every_document(
        input in any_document(),
        rates in proptest::collection::vec(0_u32..300_000, 0..4),
        home in 0_u32..300_000,
        gross in any::<bool>(),
        rounding in any_rounding(),
        charge in 0_i64..100_000,
    ) {
        let mut table: Vec<(&str, u128, u32)> = rates.iter().map(|ppm| ("DE", STANDARD, *ppm)).collect();
        table.extend([("DE", REDUCED, 70_000), ("FR", STANDARD, home), ("FR", REDUCED, 55_000)]);
        let taxes = TaxRules { rounding, ..taxes(&table) };
        let lines: Vec<CalculationLine> = input.iter().enumerate().map(|(place, (amount, quantity, gross, moved, reduced))| {
            let number = u128::try_from(place).unwrap();
            let home = (*gross && *moved).then(|| country("FR"));
            let terms = ListTerms { tax_country: home, ..list(number, "EUR", *gross) };
            let class_id = reduced.then(|| id::<TaxClassId>(REDUCED));
            CalculationLine { class_id, ..line(*quantity, vec![row(number, terms, 1, *amount)]) }
        }).collect();
        let context = context("EUR", gross, "DE");
        let document = calculate(&context, &lines, Some(Delivery { amount: charge, class_id: None }), &taxes).unwrap();

        let parts: Vec<_> = document.lines.iter().map(|line| line.priced.as_ref().unwrap()).chain(&document.delivery).collect();
        for part in &parts {
            let taxed = &part.taxed;
            prop_assert_eq!(taxed.net + taxed.tax, taxed.gross);
            prop_assert_eq!(taxed.lines.iter().map(|line| line.tax_amount).sum::<i64>(), taxed.tax);
            prop_assert!(taxed.lines.iter().all(|line| 0 <= line.tax_amount && line.taxable_amount == taxed.net));
            prop_assert!(taxed.steps.iter().all(|step| step.remainder_numerator.abs() < step.remainder_denominator));
            prop_assert_eq!(part.line_amount, if gross { taxed.gross } else { taxed.net });
        }
        prop_assert_eq!(document.total, parts.iter().map(|part| part.taxed.gross).sum::<i64>());
        prop_assert_eq!(document.tax_total, parts.iter().map(|part| part.taxed.tax).sum::<i64>());
        prop_assert_eq!(document.tax_total, document.taxes.iter().map(|row| row.tax_amount).sum::<i64>());
        let shown = document.subtotal + document.delivery_total;
        prop_assert_eq!(document.total, if gross { shown } else { shown + document.tax_total });
    }

    #[test]
    fn a_gross_price_is_the_amount_to_pay(amount in 0_i64..1_000_000_000_000, quantity in 1_i64..1_000, rates in proptest::collection::vec(0_u32..300_000, 0..4)) {
        let table: Vec<(&str, u128, u32)> = rates.iter().map(|ppm| ("DE", STANDARD, *ppm)).collect();
        let lines = [line(quantity, vec![row(1, list(1, "EUR", true), 1, amount)])];
        let document = calculate(&context("EUR", true, "DE"), &lines, None, &taxes(&table)).unwrap();
        prop_assert_eq!(document.total, amount * quantity);
        prop_assert_eq!(document.lines[0].priced.as_ref().unwrap().unit_amount, amount);
    }

    #[test]
    fn more_units_never_cost_more_per_unit(steps in proptest::collection::btree_map(1_i64..500, 1_i64..1_000, 1..8), less in 1_i64..600, more in 0_i64..600) {
        // The ladder's amounts fall as its quantities rise.
        let mut amounts: Vec<i64> = steps.values().copied().collect();
        amounts.sort_unstable_by_key(|amount| std::cmp::Reverse(*amount));
        let terms = list(1, "EUR", true);
        let rows: Vec<Candidate> = steps.keys().zip(&amounts).zip(1..).map(|((from, amount), number)| row(number, terms.clone(), *from, *amount)).collect();
        let context = context("EUR", true, "DE");
        let (few, many) = (choose(&rows, &context, less), choose(&rows, &context, less + more));
        if let Some(few) = few.won {
            let many = many.won.unwrap();
            prop_assert!(few.min_quantity <= many.min_quantity && many.amount <= few.amount);
            prop_assert!(few.min_quantity <= less && !steps.keys().any(|from| few.min_quantity < *from && *from <= less));
        }
    }

    #[test]
    fn nothing_panics(amount in any::<i64>(), quantity in any::<i64>(), charge in any::<i64>(), ppm in 0_u32..1_000_001, gross in any::<bool>(), shown in any::<bool>(), rounding in any_rounding()) {
        let taxes = TaxRules { rounding, ..taxes(&[("DE", STANDARD, ppm), ("DE", STANDARD, ppm)]) };
        let lines = [line(quantity, vec![row(1, list(1, "EUR", gross), i64::MIN, amount)])];
        let context = context("EUR", shown, "DE");
        let _ = calculate(&context, &lines, Some(Delivery { amount: charge, class_id: None }), &taxes);
    }
}
