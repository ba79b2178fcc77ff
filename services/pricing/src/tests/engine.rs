//! The engine without a database: the traps that other systems fell into, and what must hold for every input.

use std::sync::Arc;

use bloom_kernel::{ChannelId, Currency, PriceId, Rate, Rounding, TaxClassId, TaxZoneId, Timestamp, VariantId};
use proptest::prelude::*;
use uuid::Uuid;

use crate::domain::choice::{Candidate, Loss, Occasion, Terms, choose};
use crate::domain::listing::{Channel, listing_prices};
use crate::domain::place::{Address, Area, Country, PostalCode, Region};
use crate::domain::price_list::Status;
use crate::domain::quote::{Context, Delivery, Line, Place, Quote, QuoteError, quote};
use crate::domain::tax::{Class, CountryTaxes, DueRate, Taxes, Zone};

const STANDARD: u128 = 1;
const REDUCED: u128 = 2;
const MOMENT: i64 = 1_767_225_600;

fn id<T: From<Uuid>>(number: u128) -> T {
    Uuid::from_u128(number).into()
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_timestamp(MOMENT + seconds, 0).unwrap()
}

fn country(code: &str) -> Country {
    Country::parse(code).unwrap()
}

fn currency(code: &str) -> Currency {
    Currency::parse(code).unwrap()
}

/// Taxes of several countries: each rate is (country, class, parts per million); one zone a country.
fn taxes(rates: &[(&str, u128, u32)]) -> Taxes {
    let classes = vec![Class { id: id(STANDARD), is_default: true }, Class { id: id(REDUCED), is_default: false }];
    let mut taxes = Taxes::new();
    for (place, (code, class, ppm)) in rates.iter().enumerate() {
        let zone = Zone { id: id(u128::from(code.as_bytes()[0])), name: (*code).to_owned() };
        let there = taxes.entry(country(code)).or_insert_with(|| {
            let area = Area { country: country(code), region: None, postal_prefix: None };
            Arc::new(CountryTaxes { classes: classes.clone(), areas: vec![(area, zone.clone())], rates: Vec::new() })
        });
        let number = u128::try_from(place).unwrap();
        let (zone_id, class_id) = (zone.id, id(*class));
        let rate = DueRate { id: id(number), zone_id, class_id, name: format!("rate {number}"), rate: Rate::new(*ppm).unwrap() };
        Arc::get_mut(there).unwrap().rates.push(rate);
    }
    taxes
}

fn list(number: u128, code: &str, gross: bool) -> Terms {
    Terms {
        id: id(number),
        code: format!("list-{number}").try_into().unwrap(),
        currency: currency(code),
        channel_id: None,
        gross,
        tax_country: None,
        starts_at: None,
        ends_at: None,
        priority: 0,
        status: Status::Active,
    }
}

fn row(number: u128, list: Terms, min_quantity: i64, amount: i64) -> Candidate {
    Candidate { price_id: id(number), list, min_quantity, amount }
}

fn line(quantity: i64, candidates: Vec<Candidate>) -> Line {
    Line { id: "1".to_owned(), variant_id: id::<VariantId>(7), class_id: None, quantity, candidates }
}

fn context(code: &str, gross: bool, place: &str) -> Context {
    Context {
        occasion: Occasion { currency: currency(code), channel_id: None, now: at(0) },
        gross,
        address: Address::of_country(country(place)),
        rounding: Rounding::HalfUp,
    }
}

/// Sums of a quote with one price row a line: (net, tax, total).
fn sums(quote: &Quote) -> (i64, i64, i64) {
    (quote.total - quote.tax_total, quote.tax_total, quote.total)
}

#[test]
fn totals_are_whole_minor_units() {
    // 24.99 at 10.75 % and 6.44 untaxed: 34.12, not 34.116425.
    let taxes = taxes(&[("US", STANDARD, 107_500), ("US", REDUCED, 0)]);
    let lines = [line(1, vec![row(1, list(1, "USD", false), 1, 2_499)])];
    let delivery = Delivery { amount: 644, class_id: Some(id(REDUCED)) };
    let quote = quote(&context("USD", false, "US"), &lines, Some(delivery), &taxes).unwrap();
    assert_eq!(sums(&quote), (3_143, 269, 3_412));
    let priced = quote.lines[0].priced.as_ref().unwrap();
    let remainder = priced.remainders().next().unwrap();
    // 2.686425 became 2.69: 0.3575 of a cent was added.
    assert_eq!((remainder.amount, remainder.remainder_numerator, remainder.remainder_denominator), (269, -357_500, 1_000_000));
}

#[test]
fn a_gross_price_loses_its_tax_on_the_line_and_not_on_the_unit() {
    // 100 with 20 % inside, twice, into a country without tax: 167, not 2 × 83.
    let taxes = taxes(&[("GB", STANDARD, 200_000), ("JE", STANDARD, 0)]);
    let home = Terms { tax_country: Some(country("GB")), ..list(1, "GBP", true) };
    let lines = [line(2, vec![row(1, home, 1, 100)])];
    for gross in [true, false] {
        let quote = quote(&context("GBP", gross, "JE"), &lines, None, &taxes).unwrap();
        let priced = quote.lines[0].priced.as_ref().unwrap();
        assert_eq!((priced.line_amount, priced.unit_amount), (167, 83));
        assert_eq!(sums(&quote), (167, 0, 167));
        assert_eq!(priced.moved_from, Some(country("GB")));
    }
    // At home it stays 200, and so it does in a list that names no country of its tax.
    let at_home = quote(&context("GBP", true, "GB"), &lines, None, &taxes).unwrap();
    assert_eq!(sums(&at_home), (167, 33, 200));
    let lines = [line(2, vec![row(1, list(1, "GBP", true), 1, 100)])];
    assert_eq!(sums(&quote(&context("GBP", true, "JE"), &lines, None, &taxes).unwrap()), (200, 0, 200));
}

#[test]
fn tax_is_taken_once_per_line_and_the_document_sums_the_lines() {
    // 8.50 and 1.65 gross at 7 %: 0.56 + 0.11 = 0.67, although 7 % in 10.15 would be 0.66.
    let taxes = taxes(&[("DE", STANDARD, 70_000)]);
    let lines = [line(1, vec![row(1, list(1, "EUR", true), 1, 850)]), line(1, vec![row(2, list(1, "EUR", true), 1, 165)])];
    let document = quote(&context("EUR", true, "DE"), &lines, None, &taxes).unwrap();
    let tax: Vec<i64> = document.lines.iter().map(|line| line.priced.as_ref().unwrap().taxed.tax).collect();
    assert_eq!((tax, document.tax_total), (vec![56, 11], 67));
    assert_eq!(document.taxes.len(), 1);
    assert_eq!((document.taxes[0].taxable_amount, document.taxes[0].tax_amount), (948, 67));
}

#[test]
fn tax_is_of_the_line_and_not_of_the_unit() {
    // 3 × 1.08 at 19 %: 3.86; rounding each unit would make it 3.87.
    let taxes = taxes(&[("DE", STANDARD, 190_000)]);
    let lines = [line(3, vec![row(1, list(1, "EUR", false), 1, 108)])];
    assert_eq!(sums(&quote(&context("EUR", false, "DE"), &lines, None, &taxes).unwrap()), (324, 62, 386));
    // Shown gross the line is the same: the basis of the list decides how it is calculated.
    let shown = quote(&context("EUR", true, "DE"), &lines, None, &taxes).unwrap();
    assert_eq!((sums(&shown), shown.subtotal), ((324, 62, 386), 386));
    assert_eq!(shown.lines[0].priced.as_ref().unwrap().unit_amount, 129);
}

#[test]
fn several_rates_share_the_tax_in_a_gross_price() {
    // 9 % and 9 % in 100.03: one net of 84.77 under 18 %, and its 15.26 of tax in two halves.
    let taxes = taxes(&[("IN", STANDARD, 90_000), ("IN", STANDARD, 90_000)]);
    let lines = [line(1, vec![row(1, list(1, "INR", true), 1, 10_003)])];
    let document = quote(&context("INR", true, "IN"), &lines, None, &taxes).unwrap();
    let split = &document.lines[0].priced.as_ref().unwrap().taxed;
    assert_eq!((split.net, split.tax, split.gross), (8_477, 1_526, 10_003));
    assert_eq!(split.lines.iter().map(|line| line.tax_amount).collect::<Vec<_>>(), [763, 763]);
}

#[test]
fn an_odd_unit_of_tax_goes_to_the_first_of_equal_rates() {
    let taxes = taxes(&[("IN", STANDARD, 90_000), ("IN", STANDARD, 90_000)]);
    let lines = [line(1, vec![row(1, list(1, "INR", true), 1, 99)])];
    let document = quote(&context("INR", true, "IN"), &lines, None, &taxes).unwrap();
    let split = &document.lines[0].priced.as_ref().unwrap().taxed;
    assert_eq!((split.net, split.tax), (84, 15));
    assert_eq!(split.lines.iter().map(|line| line.tax_amount).collect::<Vec<_>>(), [8, 7]);
}

#[test]
fn currencies_without_and_with_three_decimals_are_counted_in_their_minor_units() {
    let taxes = taxes(&[("JP", STANDARD, 100_000), ("KW", STANDARD, 50_000)]);
    let yen = [line(3, vec![row(1, list(1, "JPY", false), 1, 105)])];
    // 315 yen and 31.5 tax: there is no half yen.
    assert_eq!(sums(&quote(&context("JPY", false, "JP"), &yen, None, &taxes).unwrap()), (315, 32, 347));
    let dinar = [line(1, vec![row(1, list(1, "KWD", false), 1, 1_250)])];
    // 1.250 dinar at 5 %: 0.0625 becomes 0.063.
    assert_eq!(sums(&quote(&context("KWD", false, "KW"), &dinar, None, &taxes).unwrap()), (1_250, 63, 1_313));
}

#[test]
fn the_rounding_mode_decides_about_halves() {
    let taxes = taxes(&[("DE", STANDARD, 50_000)]);
    for (mode, tax) in [(Rounding::HalfUp, 3), (Rounding::HalfEven, 2), (Rounding::HalfDown, 2)] {
        let lines = [line(1, vec![row(1, list(1, "EUR", false), 1, 50)])];
        let context = Context { rounding: mode, ..context("EUR", false, "DE") };
        assert_eq!(quote(&context, &lines, None, &taxes).unwrap().tax_total, tax, "{mode:?}");
    }
}

#[test]
fn every_losing_row_says_why() {
    let channel: ChannelId = id(50);
    let terms = |number: u128| list(number, "EUR", true);
    let candidates = vec![
        row(1, Terms { priority: 5, channel_id: Some(channel), ..terms(1) }, 1, 100),
        row(2, Terms { priority: 5, channel_id: Some(channel), ..terms(1) }, 5, 90),
        row(3, Terms { priority: 5, channel_id: Some(channel), ..terms(1) }, 50, 80),
        row(4, Terms { priority: 5, ..terms(2) }, 1, 70),
        row(5, Terms { priority: 4, ..terms(3) }, 1, 60),
        row(6, Terms { status: Status::Draft, ..terms(4) }, 1, 50),
        row(7, Terms { currency: currency("USD"), ..terms(5) }, 1, 50),
        row(8, Terms { channel_id: Some(id(51)), ..terms(6) }, 1, 50),
        row(9, Terms { starts_at: Some(at(1)), ..terms(7) }, 1, 50),
        row(10, Terms { ends_at: Some(at(0)), ..terms(8) }, 1, 50),
        row(11, Terms { priority: 5, channel_id: Some(channel), ..terms(0) }, 1, 50),
    ];
    let occasion = Occasion { currency: currency("EUR"), channel_id: Some(channel), now: at(0) };
    let choice = choose(&candidates, &occasion, 7);
    assert_eq!(choice.won.unwrap().price_id, id::<PriceId>(2));
    let reasons: Vec<(u128, Loss)> = choice.lost.iter().map(|(row, loss)| (row.price_id.uuid().as_u128(), *loss)).collect();
    let expected = [
        (1, Loss::LowerTier),
        (3, Loss::TierNotReached),
        (4, Loss::LessSpecific),
        (5, Loss::LowerPriority),
        (6, Loss::ListInactive),
        (7, Loss::OtherCurrency),
        (8, Loss::OtherChannel),
        (9, Loss::NotStarted),
        (10, Loss::Ended),
        (11, Loss::OlderList),
    ];
    assert_eq!(reasons, expected);
}

#[test]
fn a_line_without_a_fitting_row_has_no_price_and_no_part_in_the_sums() {
    let lines = [line(1, vec![row(1, list(1, "USD", true), 1, 100)]), line(1, vec![row(2, list(1, "EUR", true), 1, 100)])];
    let document = quote(&context("EUR", true, "DE"), &lines, None, &taxes(&[])).unwrap();
    assert!(document.lines[0].priced.is_none());
    assert_eq!(document.lines[0].lost[0].1, Loss::OtherCurrency);
    assert_eq!(sums(&document), (100, 0, 100));
}

#[test]
fn what_does_not_fit_is_refused_with_its_place() {
    let taxes = taxes(&[("DE", STANDARD, 190_000)]);
    let huge = row(1, list(1, "EUR", false), 1, i64::MAX / 2);
    let refused = |lines: &[Line]| quote(&context("EUR", false, "DE"), lines, None, &taxes).unwrap_err();
    assert_eq!(refused(&[line(3, vec![huge.clone()])]), QuoteError::OutOfRange(Place::Line(0)));
    let pair = [line(1, vec![huge.clone()]), line(1, vec![huge.clone()])];
    assert_eq!(refused(&pair), QuoteError::OutOfRange(Place::Document));
    let unknown = Line { class_id: Some(id(99)), ..line(1, vec![huge]) };
    assert_eq!(refused(&[unknown]), QuoteError::UnknownClass(Place::Line(0)));
}

#[test]
fn the_narrowest_area_names_the_zone() {
    let zone = |number: u128| Zone { id: id::<TaxZoneId>(number), name: number.to_string() };
    let area = |region: Option<&str>, prefix: Option<&str>| Area {
        country: country("US"),
        region: region.map(|code| Region::parse(code).unwrap()),
        postal_prefix: prefix.map(|code| PostalCode::parse(code).unwrap()),
    };
    let areas = vec![
        (area(None, None), zone(1)),
        (area(Some("NY"), None), zone(2)),
        (area(None, Some("100")), zone(3)),
        (area(Some("NY"), Some("100")), zone(4)),
        (area(Some("NY"), Some("10001")), zone(5)),
    ];
    let table = CountryTaxes { areas, ..CountryTaxes::default() };
    let found = |region: Option<&str>, code: Option<&str>| {
        let address = Address {
            country: country("US"),
            region: region.map(|code| Region::parse(code).unwrap()),
            postal_code: code.map(|code| PostalCode::parse(code).unwrap()),
        };
        table.zone_of(&address).unwrap().name.clone()
    };
    assert_eq!(found(None, None), "1");
    assert_eq!(found(Some("ny"), None), "2");
    assert_eq!(found(None, Some("10 0-99")), "3");
    assert_eq!(found(Some("NY"), Some("10099")), "4");
    assert_eq!(found(Some("NY"), Some("10001-1234")), "5");
    assert_eq!(found(Some("CA"), Some("90001")), "1");
    assert!(table.zone_of(&Address::of_country(country("CA"))).is_none());
}

/// A document of random lines: (amount, quantity, gross list, moved from home, class).
fn any_document() -> impl Strategy<Value = Vec<(i64, i64, bool, bool, bool)>> {
    let line = (0_i64..2_000_000_000, 1_i64..10_000, any::<bool>(), any::<bool>(), any::<bool>());
    proptest::collection::vec(line, 1..8)
}

fn any_rounding() -> impl Strategy<Value = Rounding> {
    prop_oneof![Just(Rounding::HalfUp), Just(Rounding::HalfEven), Just(Rounding::HalfDown)]
}

proptest! {
    #[test]
    fn net_and_tax_make_gross_and_the_lines_make_the_document(
        document in any_document(),
        rates in proptest::collection::vec(0_u32..300_000, 0..4),
        home in 0_u32..300_000,
        gross in any::<bool>(),
        rounding in any_rounding(),
        charge in 0_i64..100_000,
    ) {
        let mut table: Vec<(&str, u128, u32)> = rates.iter().map(|ppm| ("DE", STANDARD, *ppm)).collect();
        table.extend([("DE", REDUCED, 70_000), ("FR", STANDARD, home), ("FR", REDUCED, 55_000)]);
        let taxes = taxes(&table);
        let lines: Vec<Line> = document.iter().enumerate().map(|(place, (amount, quantity, gross, moved, reduced))| {
            let number = u128::try_from(place).unwrap();
            let home = (*gross && *moved).then(|| country("FR"));
            let terms = Terms { tax_country: home, ..list(number, "EUR", *gross) };
            let class_id = reduced.then(|| id::<TaxClassId>(REDUCED));
            Line { class_id, ..line(*quantity, vec![row(number, terms, 1, *amount)]) }
        }).collect();
        let context = Context { rounding, ..context("EUR", gross, "DE") };
        let quote = quote(&context, &lines, Some(Delivery { amount: charge, class_id: None }), &taxes).unwrap();

        let parts: Vec<_> = quote.lines.iter().map(|line| line.priced.as_ref().unwrap()).chain(&quote.delivery).collect();
        for part in &parts {
            let taxed = &part.taxed;
            prop_assert_eq!(taxed.net + taxed.tax, taxed.gross);
            prop_assert_eq!(taxed.lines.iter().map(|line| line.tax_amount).sum::<i64>(), taxed.tax);
            prop_assert!(taxed.lines.iter().all(|line| 0 <= line.tax_amount && line.taxable_amount == taxed.net));
            prop_assert!(taxed.steps.iter().all(|step| step.remainder_numerator.abs() < step.remainder_denominator));
            prop_assert_eq!(part.line_amount, if gross { taxed.gross } else { taxed.net });
        }
        prop_assert_eq!(quote.total, parts.iter().map(|part| part.taxed.gross).sum::<i64>());
        prop_assert_eq!(quote.tax_total, parts.iter().map(|part| part.taxed.tax).sum::<i64>());
        prop_assert_eq!(quote.tax_total, quote.taxes.iter().map(|row| row.tax_amount).sum::<i64>());
        let shown = quote.subtotal + quote.delivery_total;
        prop_assert_eq!(quote.total, if gross { shown } else { shown + quote.tax_total });
    }

    #[test]
    fn a_gross_price_is_paid_as_it_is_written(amount in 0_i64..1_000_000_000_000, quantity in 1_i64..1_000, rates in proptest::collection::vec(0_u32..300_000, 0..4)) {
        let table: Vec<(&str, u128, u32)> = rates.iter().map(|ppm| ("DE", STANDARD, *ppm)).collect();
        let lines = [line(quantity, vec![row(1, list(1, "EUR", true), 1, amount)])];
        let quote = quote(&context("EUR", true, "DE"), &lines, None, &taxes(&table)).unwrap();
        prop_assert_eq!(quote.total, amount * quantity);
        prop_assert_eq!(quote.lines[0].priced.as_ref().unwrap().unit_amount, amount);
    }

    #[test]
    fn a_falling_ladder_never_prices_more_units_dearer(steps in proptest::collection::btree_map(1_i64..500, 1_i64..1_000, 1..8), less in 1_i64..600, more in 0_i64..600) {
        // The ladder's amounts fall as its quantities rise.
        let mut amounts: Vec<i64> = steps.values().copied().collect();
        amounts.sort_unstable_by_key(|amount| std::cmp::Reverse(*amount));
        let terms = list(1, "EUR", true);
        let rows: Vec<Candidate> = steps.keys().zip(&amounts).zip(1..).map(|((from, amount), number)| row(number, terms.clone(), *from, *amount)).collect();
        let occasion = context("EUR", true, "DE").occasion;
        let (few, many) = (choose(&rows, &occasion, less), choose(&rows, &occasion, less + more));
        if let Some(few) = few.won {
            let many = many.won.unwrap();
            prop_assert!(few.min_quantity <= many.min_quantity && many.amount <= few.amount);
            prop_assert!(few.min_quantity <= less && !steps.keys().any(|from| few.min_quantity < *from && *from <= less));
        }
    }

    #[test]
    fn nothing_panics(amount in any::<i64>(), quantity in any::<i64>(), charge in any::<i64>(), ppm in 0_u32..1_000_001, gross in any::<bool>(), shown in any::<bool>(), rounding in any_rounding()) {
        let taxes = taxes(&[("DE", STANDARD, ppm), ("DE", STANDARD, ppm)]);
        let lines = [line(quantity, vec![row(1, list(1, "EUR", gross), i64::MIN, amount)])];
        let context = Context { rounding, ..context("EUR", shown, "DE") };
        let _ = quote(&context, &lines, Some(Delivery { amount: charge, class_id: None }), &taxes);
    }

    #[test]
    fn the_listing_price_is_the_quote_of_one(amount in 0_i64..1_000_000_000, list_gross in any::<bool>(), gross in any::<bool>(), ppm in 0_u32..300_000, rounding in any_rounding()) {
        let taxes = taxes(&[("DE", STANDARD, ppm)]);
        let rows = vec![row(1, list(1, "EUR", list_gross), 1, amount)];
        let channel = Channel { id: id(5), currency: currency("EUR"), gross, country: country("DE") };
        let other = Channel { id: id(6), currency: currency("USD"), ..channel.clone() };
        let prices = listing_prices(&[channel, other], &rows, None, rounding, at(0), &taxes);
        let context = Context { rounding, ..context("EUR", gross, "DE") };
        let quote = quote(&context, &[line(1, rows)], None, &taxes).unwrap();
        prop_assert_eq!(prices[0].price.unwrap().amount(), quote.subtotal);
        prop_assert_eq!(prices[1].price, None);
    }
}

#[test]
fn a_listing_goes_on_when_a_variant_names_a_class_that_is_not_there() {
    let taxes = taxes(&[("DE", STANDARD, 190_000)]);
    let rows = vec![row(1, list(1, "EUR", false), 1, 100)];
    let channel = Channel { id: id(5), currency: currency("EUR"), gross: true, country: country("DE") };
    let prices = listing_prices(&[channel], &rows, Some(id(99)), Rounding::HalfUp, at(0), &taxes);
    assert_eq!(prices[0].price.unwrap().amount(), 119);
}
