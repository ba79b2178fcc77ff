//! The quote as the API shows it.

use bloom_kernel::{
    ChannelId, Country, Currency, Money, PriceBasis, PriceId, PriceListId, Rate, Rounding, TaxClassId, TaxLine, TaxRateId,
    Timestamp, VariantId,
};
use schemars::JsonSchema;
use serde::Serialize;

use super::calculate::{CalculatedLine, Calculation, PricedAmounts, TaxSummary};
use super::choose::{LossReason, sort_for_reading};
use super::model::{Candidate, QuoteContext};
use crate::bounded::Code;
use crate::place::{Destination, TaxPostalCode, TaxRegion};
use crate::tax::{Due, RateTax, RoundingStep, TaxZoneSummary};

/// Most losing rows that one line shows.
const LOST_MAX: usize = 100;

/// A priced document.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Quote {
    /// The channel of the prices.
    channel_id: Option<ChannelId>,
    /// The currency of every amount.
    currency: Currency,
    /// Digits of the currency after the decimal point: with 2, 2499 is 24.99.
    currency_exponent: u8,
    /// Whether unit prices, line totals, subtotal and delivery total include tax.
    gross: bool,
    /// How halves of a minor unit were rounded, once per line and rate.
    rounding: Rounding,
    /// The moment that the prices are of.
    priced_at: Timestamp,
    /// The destination.
    ship_to: QuoteDestination,
    /// The lines in the order of the request.
    lines: Vec<QuoteLine>,
    /// The charge for delivery.
    delivery: Option<QuoteDelivery>,
    /// Sum of the line totals.
    subtotal: Money,
    /// The charge for delivery.
    delivery_total: Money,
    /// Sum of all tax.
    tax_total: Money,
    /// The amount to pay.
    total: Money,
    /// The tax by name and rate: the sums of the lines.
    taxes: Vec<TaxLine>,
}

/// The destination, as far as it is known.
#[derive(Debug, Serialize, JsonSchema)]
struct QuoteDestination {
    country: Country,
    region: Option<TaxRegion>,
    postal_code: Option<TaxPostalCode>,
}

/// The tax of one rate on one line.
#[derive(Debug, Serialize, JsonSchema)]
struct QuoteLineTax {
    /// The rate.
    tax_rate_id: TaxRateId,
    /// Its name.
    name: String,
    /// Parts per million: 18 % is 180000.
    rate_ppm: Rate,
    /// The net amount that it was due on.
    taxable: Money,
    /// The tax.
    tax: Money,
}

/// A priced line.
#[derive(Debug, Serialize, JsonSchema)]
struct QuoteLine {
    /// The caller's id of the line.
    id: String,
    /// What is sold.
    variant_id: VariantId,
    /// How many.
    quantity: i64,
    /// Its amounts; `null`: no price row fits.
    amounts: Option<QuoteAmounts>,
    /// The price row that won.
    won: Option<WonPrice>,
    /// Why it has no amounts; `null` where it has.
    unpriced: Option<Unpriced>,
    /// The rows that lost, at most a hundred; empty for a publishable key.
    lost: Vec<LostPrice>,
}

/// Why a line has no amounts and adds nothing to the sums.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Unpriced {
    /// The variant has no price at all. Shown to a secret key only.
    NoPrice,
    /// No price row fits; with a secret key `lost` shows the reasons.
    NoneFits,
}

/// The charge for delivery with its tax.
#[derive(Debug, Serialize, JsonSchema)]
struct QuoteDelivery {
    /// Its amounts.
    amounts: QuoteAmounts,
}

/// The amounts of a line, and how they were calculated.
#[derive(Debug, Serialize, JsonSchema)]
struct QuoteAmounts {
    /// One unit in the basis of the quote; rounded separately when the list has the other basis.
    unit_price: Money,
    /// The line in the basis of the quote.
    line_total: Money,
    /// The line without tax.
    net: Money,
    /// Its tax.
    tax: Money,
    /// The line with tax.
    gross: Money,
    /// The tax of each rate.
    taxes: Vec<QuoteLineTax>,
    /// Why this tax is due.
    tax_reason: TaxReason,
    /// What was rounded, with its remainder.
    rounding_steps: Vec<RoundingStep>,
}

/// Why a tax is due.
#[derive(Debug, Serialize, JsonSchema)]
struct TaxReason {
    /// What decided.
    code: TaxReasonCode,
    /// The class that applied.
    tax_class_id: Option<TaxClassId>,
    /// The zone of the address.
    zone: Option<TaxZoneSummary>,
    /// Whether the amount that the tax was calculated from included it.
    calculated_from: PriceBasis,
    /// The country whose tax was removed from the price first.
    tax_removed_of: Option<Country>,
}

/// What decided about a tax.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum TaxReasonCode {
    /// The zone has rates for the class.
    Rates,
    /// No tax: the address lies in no zone.
    NoZone,
    /// No tax: the zone has no rate for the class.
    NoRate,
    /// No tax: the line names no class, and there is no default class.
    NoClass,
}

/// The price row that won.
#[derive(Debug, Serialize, JsonSchema)]
struct WonPrice {
    /// The price.
    price_id: PriceId,
    /// Its list.
    price_list_id: PriceListId,
    /// The list's code.
    price_list_code: Code,
    /// From this quantity on.
    min_quantity: i64,
    /// For one unit, in the list's basis.
    price: Money,
    /// The list's basis.
    basis: PriceBasis,
}

/// A price row that lost.
#[derive(Debug, Serialize, JsonSchema)]
struct LostPrice {
    /// The price.
    price_id: PriceId,
    /// Its list.
    price_list_id: PriceListId,
    /// The list's code.
    price_list_code: Code,
    /// From this quantity on.
    min_quantity: i64,
    /// For one unit, in the list's basis.
    price: Money,
    /// The list's basis.
    basis: PriceBasis,
    /// Why it lost.
    reason: LossReason,
}

impl Quote {
    pub(super) fn new(calculation: Calculation, context: QuoteContext, explain: bool) -> Self {
        let currency = context.currency;
        let money = |amount| Money::new(amount, currency);
        let Destination { country, region, postal_code } = context.destination;
        Self {
            channel_id: context.channel_id,
            currency,
            currency_exponent: currency.exponent(),
            gross: context.gross,
            rounding: calculation.rounding,
            priced_at: context.now,
            ship_to: QuoteDestination { country, region, postal_code },
            lines: calculation.lines.into_iter().map(|line| QuoteLine::new(line, currency, explain)).collect(),
            delivery: calculation.delivery.map(|charge| QuoteDelivery { amounts: QuoteAmounts::new(charge, currency) }),
            subtotal: money(calculation.subtotal),
            delivery_total: money(calculation.delivery_total),
            tax_total: money(calculation.tax_total),
            total: money(calculation.total),
            taxes: calculation.taxes.into_iter().map(|row| tax_line(row, currency)).collect(),
        }
    }
}

fn tax_line(row: TaxSummary, currency: Currency) -> TaxLine {
    let TaxSummary { name, rate_ppm, taxable_amount, tax_amount } = row;
    TaxLine { name, rate_ppm, taxable: Money::new(taxable_amount, currency), tax: Money::new(tax_amount, currency) }
}

impl QuoteLineTax {
    fn new(line: RateTax, currency: Currency) -> Self {
        let RateTax { tax_rate_id, name, rate_ppm, taxable_amount, tax_amount } = line;
        let (taxable, tax) = (Money::new(taxable_amount, currency), Money::new(tax_amount, currency));
        Self { tax_rate_id, name, rate_ppm, taxable, tax }
    }
}

impl QuoteLine {
    fn new(line: CalculatedLine, currency: Currency, explain: bool) -> Self {
        let unpriced = match line.won {
            Some(_) => None,
            None if explain && line.lost.is_empty() => Some(Unpriced::NoPrice),
            None => Some(Unpriced::NoneFits),
        };
        let mut lost = if explain { line.lost } else { Vec::new() };
        sort_for_reading(&mut lost);
        lost.truncate(LOST_MAX);
        Self {
            id: line.id,
            variant_id: line.variant_id,
            quantity: line.quantity,
            amounts: line.priced.map(|priced| QuoteAmounts::new(priced, currency)),
            won: line.won.map(WonPrice::new),
            unpriced,
            lost: lost.into_iter().map(|(candidate, reason)| LostPrice::new(candidate, reason)).collect(),
        }
    }
}

impl QuoteAmounts {
    fn new(priced: PricedAmounts, currency: Currency) -> Self {
        let money = |amount| Money::new(amount, currency);
        Self {
            unit_price: money(priced.unit_amount),
            line_total: money(priced.line_amount),
            net: money(priced.taxed.net),
            tax: money(priced.taxed.tax),
            gross: money(priced.taxed.gross),
            tax_reason: TaxReason {
                code: TaxReasonCode::of(&priced.due),
                tax_class_id: priced.due.class_id,
                zone: priced.due.zone,
                calculated_from: PriceBasis::of_gross(priced.list_gross && priced.tax_removed_of.is_none()),
                tax_removed_of: priced.tax_removed_of,
            },
            taxes: priced.taxed.lines.into_iter().map(|line| QuoteLineTax::new(line, currency)).collect(),
            rounding_steps: priced.taxed.steps,
        }
    }
}

impl TaxReasonCode {
    fn of(due: &Due) -> Self {
        if !due.rates.is_empty() {
            Self::Rates
        } else if due.class_id.is_none() {
            Self::NoClass
        } else if due.zone.is_none() {
            Self::NoZone
        } else {
            Self::NoRate
        }
    }
}

impl WonPrice {
    fn new(candidate: Candidate) -> Self {
        Self {
            price_id: candidate.price_id,
            price_list_id: candidate.list.id,
            price: Money::new(candidate.amount, candidate.list.currency),
            basis: PriceBasis::of_gross(candidate.list.gross),
            price_list_code: candidate.list.code,
            min_quantity: candidate.min_quantity,
        }
    }
}

impl LostPrice {
    fn new(candidate: Candidate, reason: LossReason) -> Self {
        let WonPrice { price_id, price_list_id, price_list_code, min_quantity, price, basis } = WonPrice::new(candidate);
        Self { price_id, price_list_id, price_list_code, min_quantity, price, basis, reason }
    }
}
