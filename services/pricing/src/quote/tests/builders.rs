//! Tax rules, lists and lines for tests of calculations.

use std::sync::Arc;

use bloom_kernel::{Country, Currency, Rate, Rounding, Timestamp, VariantId};
use proptest::prelude::*;
use uuid::Uuid;

use crate::bounded::ListPriority;
use crate::place::{Destination, TaxArea};
use crate::price_list::PriceListStatus;
use crate::quote::calculate::CalculationLine;
use crate::quote::model::{Candidate, ListTerms, QuoteContext};
use crate::tax::{Class, CountryTaxes, DueRate, TaxRules, TaxTables, TaxZoneSummary};

pub const STANDARD: u128 = 1;
pub const REDUCED: u128 = 2;
pub const MOMENT: i64 = 1_767_225_600;

pub fn id<T: From<Uuid>>(number: u128) -> T {
    Uuid::from_u128(number).into()
}

pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_timestamp(MOMENT + seconds, 0).unwrap()
}

pub fn country(code: &str) -> Country {
    Country::new(code).unwrap()
}

pub fn currency(code: &str) -> Currency {
    Currency::parse(code).unwrap()
}

/// Taxes of several countries with one zone each. A rate is (country, class, parts per million).
pub fn taxes(rates: &[(&str, u128, u32)]) -> TaxRules {
    let classes = vec![Class { id: id(STANDARD), is_default: true }, Class { id: id(REDUCED), is_default: false }];
    let mut tables = TaxTables::new();
    for (place, (code, class, ppm)) in rates.iter().enumerate() {
        let zone = TaxZoneSummary { id: id(u128::from(code.as_bytes()[0])), name: (*code).to_owned() };
        let there = tables.entry(country(code)).or_insert_with(|| {
            let area = TaxArea { country: country(code), region: None, postal_prefix: None };
            Arc::new(CountryTaxes { classes: classes.clone(), areas: vec![(area, zone.clone())], rates: Vec::new() })
        });
        let number = u128::try_from(place).unwrap();
        let (zone_id, class_id) = (zone.id, id(*class));
        let rate = DueRate { id: id(number), zone_id, class_id, name: format!("rate {number}"), rate: Rate::new(*ppm).unwrap() };
        Arc::get_mut(there).unwrap().rates.push(rate);
    }
    TaxRules { rounding: Rounding::HalfUp, tables }
}

pub fn list(number: u128, code: &str, gross: bool) -> ListTerms {
    ListTerms {
        id: id(number),
        code: format!("list-{number}").try_into().unwrap(),
        currency: currency(code),
        channel_id: None,
        gross,
        tax_country: None,
        starts_at: None,
        ends_at: None,
        priority: ListPriority::default(),
        status: PriceListStatus::Active,
    }
}

pub fn row(number: u128, list: ListTerms, min_quantity: i64, amount: i64) -> Candidate {
    Candidate { price_id: id(number), list, min_quantity, amount }
}

pub fn line(quantity: i64, candidates: Vec<Candidate>) -> CalculationLine {
    CalculationLine { id: "1".to_owned(), variant_id: id::<VariantId>(7), class_id: None, quantity, candidates }
}

pub fn context(code: &str, gross: bool, place: &str) -> QuoteContext {
    QuoteContext {
        currency: currency(code),
        channel_id: None,
        now: at(0),
        gross,
        destination: Destination::of_country(country(place)),
    }
}

pub fn any_rounding() -> impl Strategy<Value = Rounding> {
    prop_oneof![Just(Rounding::HalfUp), Just(Rounding::HalfEven), Just(Rounding::HalfDown)]
}
