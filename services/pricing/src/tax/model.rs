//! The tax of one amount: which rates are due at an address, and how much they come to.
//!
//! Net amount: each rate is applied to it and rounded separately. Gross amount: the net is calculated once with the sum of the
//! rates; the difference is the tax, which is divided among the rates by largest remainder.

use std::collections::HashMap;
use std::sync::Arc;

use bloom_kernel::{Country, Rate, Rounding, TaxClassId, TaxRateId, TaxZoneId, allocate};
use schemars::JsonSchema;
use serde::Serialize;

use crate::place::{Destination, TaxArea};

/// A tax class of the tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Class {
    pub id: TaxClassId,
    /// Whether it is the class of things that name none.
    pub is_default: bool,
}

/// A tax zone as a quote shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct TaxZoneSummary {
    /// The zone.
    pub id: TaxZoneId,
    /// Its name.
    pub name: String,
}

/// A rate that is due in a zone for a class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueRate {
    pub id: TaxRateId,
    pub zone_id: TaxZoneId,
    pub class_id: TaxClassId,
    /// Name on documents.
    pub name: String,
    pub rate: Rate,
}

/// The taxes that a tenant has set up in one country.
#[derive(Debug, Clone, Default)]
pub struct CountryTaxes {
    /// The tenant's classes (the same in each country).
    pub classes: Vec<Class>,
    /// The areas of the country and their zones.
    pub areas: Vec<(TaxArea, TaxZoneSummary)>,
    /// The rates of those zones, oldest first.
    pub rates: Vec<DueRate>,
}

/// The taxes of several countries.
pub type TaxTables = HashMap<Country, Arc<CountryTaxes>>;

/// How a tenant taxes: its rounding, and the countries that a calculation needs.
#[derive(Debug, Clone, Default)]
pub struct TaxRules {
    pub rounding: Rounding,
    pub tables: TaxTables,
}

/// A line names a tax class that the tenant does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no such tax class")]
pub struct UnknownClass;

/// What is due for one class at one address.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Due {
    /// The class that applied; none: the tenant has no default class.
    pub class_id: Option<TaxClassId>,
    /// The zone that the address lies in.
    pub zone: Option<TaxZoneSummary>,
    /// The rates; none: no tax is due.
    pub rates: Vec<DueRate>,
}

impl CountryTaxes {
    /// The zone of an address: that of the narrowest area that covers it. Areas are unique, so there is at most one.
    pub fn zone_of(&self, destination: &Destination) -> Option<&TaxZoneSummary> {
        let covering = self.areas.iter().filter(|(area, _)| area.covers(destination));
        covering.max_by_key(|(area, _)| area.narrowness()).map(|(_, zone)| zone)
    }

    /// The class that applies where this one is named; without a name the default class.
    pub fn class_of(&self, named: Option<TaxClassId>) -> Result<Option<TaxClassId>, UnknownClass> {
        match named {
            Some(id) if self.classes.iter().any(|class| class.id == id) => Ok(Some(id)),
            Some(_) => Err(UnknownClass),
            None => Ok(self.classes.iter().find(|class| class.is_default).map(|class| class.id)),
        }
    }
}

/// What is due for this class at this address.
pub fn due(rules: &TaxRules, destination: &Destination, class: Option<TaxClassId>) -> Result<Due, UnknownClass> {
    let Some(country) = rules.tables.get(&destination.country) else {
        return if class.is_some() { Err(UnknownClass) } else { Ok(Due::default()) };
    };
    let class_id = country.class_of(class)?;
    let zone = country.zone_of(destination).cloned();
    let is_due = |rate: &&DueRate| Some(rate.class_id) == class_id && zone.as_ref().is_some_and(|zone| zone.id == rate.zone_id);
    let rates = country.rates.iter().filter(is_due).cloned().collect();
    Ok(Due { class_id, zone, rates })
}

/// The tax of one rate on one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RateTax {
    pub tax_rate_id: TaxRateId,
    pub name: String,
    /// Parts per million: 18 % is 180000.
    pub rate_ppm: Rate,
    /// The net amount that it was due on, in minor units.
    pub taxable_amount: i64,
    /// The tax, in minor units.
    pub tax_amount: i64,
}

/// What a step rounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RoundingStepKind {
    /// The net of a gross amount.
    NetOfGross,
    /// The tax of a net amount.
    Tax,
    /// The part of one of several rates in the tax of a gross amount.
    Share,
}

/// One rounding and its remainder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RoundingStep {
    /// What was rounded.
    pub kind: RoundingStepKind,
    /// The rate, where the step is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tax_rate_id: Option<TaxRateId>,
    /// The rounded amount in minor units.
    pub amount: i64,
    /// The exact amount minus the rounded one, as a fraction of a minor unit: its numerator.
    pub remainder_numerator: i64,
    /// Its denominator.
    pub remainder_denominator: i64,
}

impl RoundingStep {
    /// The step whose exact result is `numerator / denominator`.
    fn new(kind: RoundingStepKind, rate: Option<TaxRateId>, amount: i64, numerator: i128, denominator: i64) -> Self {
        let remainder = numerator - i128::from(amount) * i128::from(denominator);
        // Rounding changes an amount by less than one unit, so the remainder is smaller than the denominator.
        let remainder_numerator = i64::try_from(remainder).unwrap_or_default();
        Self { kind, tax_rate_id: rate, amount, remainder_numerator, remainder_denominator: denominator }
    }
}

/// An amount with its tax.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Taxed {
    /// Without tax.
    pub net: i64,
    /// The tax of all rates.
    pub tax: i64,
    /// With tax: `net + tax`, always.
    pub gross: i64,
    /// The tax of each rate; they sum up to `tax`.
    pub lines: Vec<RateTax>,
    /// The roundings of the calculation.
    pub steps: Vec<RoundingStep>,
}

/// The result does not fit into 64 bits, or rates sum up to more than the whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the amount is out of range")]
pub struct OutOfRange;

/// Adds the tax to a net amount.
pub fn tax_of_net(net: i64, rates: &[DueRate], rounding: Rounding) -> Result<Taxed, OutOfRange> {
    let mut taxed = Taxed { net, gross: net, ..Taxed::default() };
    for due in rates {
        let tax = due.rate.of(net, rounding);
        taxed.tax = taxed.tax.checked_add(tax).ok_or(OutOfRange)?;
        taxed.lines.push(line(due, net, tax));
        let exact = i128::from(net) * i128::from(due.rate.ppm());
        taxed.steps.push(RoundingStep::new(RoundingStepKind::Tax, Some(due.id), tax, exact, i64::from(Rate::WHOLE)));
    }
    taxed.gross = net.checked_add(taxed.tax).ok_or(OutOfRange)?;
    Ok(taxed)
}

/// Calculates the tax in a gross amount.
pub fn tax_of_gross(gross: i64, rates: &[DueRate], rounding: Rounding) -> Result<Taxed, OutOfRange> {
    let (net, step) = net_of(gross, rates, rounding)?;
    let tax = gross.checked_sub(net).ok_or(OutOfRange)?;
    let weights: Vec<i64> = rates.iter().map(|due| i64::from(due.rate.ppm())).collect();
    let shares = allocate(tax, &weights);
    let whole: i64 = weights.iter().sum();
    let mut steps = vec![step];
    if rates.len() > 1 && whole > 0 {
        steps.extend(rates.iter().zip(&shares).map(|(due, share)| {
            let exact = i128::from(tax) * i128::from(due.rate.ppm());
            RoundingStep::new(RoundingStepKind::Share, Some(due.id), *share, exact, whole)
        }));
    }
    let lines = rates.iter().zip(&shares).map(|(due, share)| line(due, net, *share)).collect();
    Ok(Taxed { net, tax, gross, lines, steps })
}

/// The net of a gross amount with the sum of the rates, and how it was rounded.
pub fn net_of(gross: i64, rates: &[DueRate], rounding: Rounding) -> Result<(i64, RoundingStep), OutOfRange> {
    let ppm: u64 = rates.iter().map(|due| u64::from(due.rate.ppm())).sum();
    let sum = u32::try_from(ppm).ok().and_then(|ppm| Rate::new(ppm).ok()).ok_or(OutOfRange)?;
    let net = sum.net_of_gross(gross, rounding);
    let exact = i128::from(gross) * i128::from(Rate::WHOLE);
    let denominator = i64::from(Rate::WHOLE) + i64::from(sum.ppm());
    Ok((net, RoundingStep::new(RoundingStepKind::NetOfGross, None, net, exact, denominator)))
}

fn line(due: &DueRate, taxable: i64, tax: i64) -> RateTax {
    RateTax { tax_rate_id: due.id, name: due.name.clone(), rate_ppm: due.rate, taxable_amount: taxable, tax_amount: tax }
}
