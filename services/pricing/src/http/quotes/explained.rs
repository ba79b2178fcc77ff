//! The quote as the API shows it.

use bloom_kernel::{ChannelId, Currency, Money, PriceId, PriceListId, Rounding, TaxClassId, TaxRateId, Timestamp, VariantId};
use schemars::JsonSchema;
use serde::Serialize;

use crate::domain::bounded::Code;
use crate::domain::choice::{Candidate, Loss, Occasion, sort_for_reading};
use crate::domain::place::{Address, Country, PostalCode, Region};
use crate::domain::quote::{Priced, Quote, QuotedLine, Summary};
use crate::domain::tax::{Due, Step, TaxLine, Zone};

/// Rows that an explanation names at most for one line.
const LOST_MAX: usize = 100;

/// A priced document.
#[derive(Debug, Serialize, JsonSchema)]
pub struct QuoteDocument {
    /// The channel that counted.
    pub channel_id: Option<ChannelId>,
    /// The currency of every amount.
    pub currency: Currency,
    /// Digits of the currency behind the decimal point: 2 says that 2499 is 24.99.
    pub currency_exponent: u8,
    /// Whether unit prices, line totals, subtotal and delivery total include tax.
    pub gross: bool,
    /// How halves of a minor unit were rounded, once per line and rate.
    pub rounding: Rounding,
    /// The moment that the prices are of.
    pub priced_at: Timestamp,
    /// Where the goods go.
    pub ship_to: ShipToDocument,
    /// The lines in the order asked.
    pub lines: Vec<QuoteLineDocument>,
    /// The charge for delivery.
    pub delivery: Option<DeliveryDocument>,
    /// Sum of the line totals.
    pub subtotal: Money,
    /// The charge for delivery.
    pub delivery_total: Money,
    /// Sum of all tax.
    pub tax_total: Money,
    /// What is to be paid.
    pub total: Money,
    /// The tax by name and rate: the sums of the lines.
    pub taxes: Vec<TaxSummaryDocument>,
}

/// Where the goods go, as far as it is known.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ShipToDocument {
    country: Country,
    region: Option<Region>,
    postal_code: Option<PostalCode>,
}

/// The tax of one rate over the whole document.
#[derive(Debug, Serialize, JsonSchema)]
pub struct TaxSummaryDocument {
    name: String,
    /// Parts per million: 18 % is 180000.
    rate_ppm: u32,
    /// The net amount that it was due on.
    taxable: Money,
    /// The tax.
    tax: Money,
}

/// The tax of one rate on one line.
#[derive(Debug, Serialize, JsonSchema)]
pub struct TaxLineDocument {
    /// The rate.
    tax_rate_id: TaxRateId,
    /// Its name.
    name: String,
    /// Parts per million: 18 % is 180000.
    rate_ppm: u32,
    /// The net amount that it was due on.
    taxable: Money,
    /// The tax.
    tax: Money,
}

/// A priced line.
#[derive(Debug, Serialize, JsonSchema)]
pub struct QuoteLineDocument {
    /// The caller's name for the line.
    pub id: String,
    /// What is sold.
    pub variant_id: VariantId,
    /// How many.
    pub quantity: i64,
    /// Its amounts; `null`: no price row fits.
    pub amounts: Option<AmountsDocument>,
    /// The price row that won.
    pub won: Option<CandidateWon>,
    /// Why it has no amounts; `null` where it has.
    pub unpriced: Option<Unpriced>,
    /// The rows that lost, at most a hundred; empty for a publishable key.
    pub lost: Vec<CandidateLost>,
}

/// Why a line has no amounts and counts nothing in the sums.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Unpriced {
    /// The variant has no price at all. Told to a secret key only.
    NoPrice,
    /// No price row fits; with a secret key `lost` says why not.
    NoneFits,
}

/// A charge for delivery with its tax.
#[derive(Debug, Serialize, JsonSchema)]
pub struct DeliveryDocument {
    /// Its amounts.
    pub amounts: AmountsDocument,
}

/// What a line comes to, and how.
#[derive(Debug, Serialize, JsonSchema)]
pub struct AmountsDocument {
    /// One unit in the asked basis; rounded by itself when the list has the other basis.
    pub unit_price: Money,
    /// The line in the asked basis.
    pub line_total: Money,
    /// The line without tax.
    pub net: Money,
    /// Its tax.
    pub tax: Money,
    /// The line with tax.
    pub gross: Money,
    /// The tax of each rate.
    pub taxes: Vec<TaxLineDocument>,
    /// Why that tax.
    pub tax_reason: TaxReason,
    /// What was rounded, and what that left over.
    pub rounding_steps: Vec<Step>,
}

/// Why this tax was due.
#[derive(Debug, Serialize, JsonSchema)]
pub struct TaxReason {
    /// What decided.
    pub code: TaxReasonCode,
    /// The class that counted.
    pub tax_class_id: Option<TaxClassId>,
    /// The zone of the address.
    pub zone: Option<Zone>,
    /// Whether the amount that tax was worked out from included it.
    pub calculated_from: Basis,
    /// The country whose tax was taken out of the price first.
    pub tax_removed_of: Option<Country>,
}

/// What decided about the tax.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TaxReasonCode {
    /// The zone has rates for the class.
    Rates,
    /// No tax: the address lies in no zone.
    NoZone,
    /// No tax: the zone has no rate for the class.
    NoRate,
    /// No tax: nothing was said about a class, and there is no default class.
    NoClass,
}

/// With or without tax.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// With tax.
    Gross,
    /// Without tax.
    Net,
}

/// The price row that won.
#[derive(Debug, Serialize, JsonSchema)]
pub struct CandidateWon {
    /// The row.
    pub price_id: PriceId,
    /// Its list.
    pub price_list_id: PriceListId,
    /// The list's code.
    pub price_list_code: Code,
    /// From this quantity on.
    pub min_quantity: i64,
    /// For one unit, in the list's basis.
    pub price: Money,
    /// The list's basis.
    pub basis: Basis,
}

/// A price row that lost.
#[derive(Debug, Serialize, JsonSchema)]
pub struct CandidateLost {
    /// The row.
    pub price_id: PriceId,
    /// Its list.
    pub price_list_id: PriceListId,
    /// The list's code.
    pub price_list_code: Code,
    /// From this quantity on.
    pub min_quantity: i64,
    /// For one unit, in the list's basis.
    pub price: Money,
    /// The list's basis.
    pub basis: Basis,
    /// Why it lost.
    pub reason: Loss,
}

impl QuoteDocument {
    /// The document of a quote.
    pub fn new(quote: Quote, rounding: Rounding, occasion: &Occasion, gross: bool, address: Address, explain: bool) -> Self {
        let money = |amount| Money::new(amount, occasion.currency);
        let Address { country, region, postal_code } = address;
        Self {
            channel_id: occasion.channel_id,
            currency: occasion.currency,
            currency_exponent: occasion.currency.exponent(),
            gross,
            rounding,
            priced_at: occasion.now,
            ship_to: ShipToDocument { country, region, postal_code },
            lines: quote.lines.into_iter().map(|line| line_document(line, occasion.currency, explain)).collect(),
            delivery: quote.delivery.map(|charge| DeliveryDocument { amounts: amounts(charge, occasion.currency) }),
            subtotal: money(quote.subtotal),
            delivery_total: money(quote.delivery_total),
            tax_total: money(quote.tax_total),
            total: money(quote.total),
            taxes: quote.taxes.into_iter().map(|row| summary(row, occasion.currency)).collect(),
        }
    }
}

fn summary(row: Summary, currency: Currency) -> TaxSummaryDocument {
    let Summary { name, rate_ppm, taxable_amount, tax_amount } = row;
    TaxSummaryDocument { name, rate_ppm, taxable: Money::new(taxable_amount, currency), tax: Money::new(tax_amount, currency) }
}

fn tax_line(line: TaxLine, currency: Currency) -> TaxLineDocument {
    let TaxLine { tax_rate_id, name, rate_ppm, taxable_amount, tax_amount } = line;
    TaxLineDocument {
        tax_rate_id,
        name,
        rate_ppm,
        taxable: Money::new(taxable_amount, currency),
        tax: Money::new(tax_amount, currency),
    }
}

fn line_document(line: QuotedLine, currency: Currency, explain: bool) -> QuoteLineDocument {
    let unpriced = match line.won {
        Some(_) => None,
        None if explain && line.lost.is_empty() => Some(Unpriced::NoPrice),
        None => Some(Unpriced::NoneFits),
    };
    let mut lost = if explain { line.lost } else { Vec::new() };
    sort_for_reading(&mut lost);
    lost.truncate(LOST_MAX);
    QuoteLineDocument {
        id: line.id,
        variant_id: line.variant_id,
        quantity: line.quantity,
        amounts: line.priced.map(|priced| amounts(priced, currency)),
        won: line.won.map(won),
        unpriced,
        lost: lost.into_iter().map(|(candidate, reason)| lost_document(candidate, reason)).collect(),
    }
}

fn amounts(priced: Priced, currency: Currency) -> AmountsDocument {
    let money = |amount| Money::new(amount, currency);
    let code = reason_code(&priced.due);
    let calculated_from = if priced.list_gross && priced.moved_from.is_none() { Basis::Gross } else { Basis::Net };
    AmountsDocument {
        unit_price: money(priced.unit_amount),
        line_total: money(priced.line_amount),
        net: money(priced.taxed.net),
        tax: money(priced.taxed.tax),
        gross: money(priced.taxed.gross),
        tax_reason: TaxReason {
            code,
            tax_class_id: priced.due.class_id,
            zone: priced.due.zone,
            calculated_from,
            tax_removed_of: priced.moved_from,
        },
        taxes: priced.taxed.lines.into_iter().map(|line| tax_line(line, currency)).collect(),
        rounding_steps: priced.taxed.steps,
    }
}

fn reason_code(due: &Due) -> TaxReasonCode {
    if !due.rates.is_empty() {
        TaxReasonCode::Rates
    } else if due.class_id.is_none() {
        TaxReasonCode::NoClass
    } else if due.zone.is_none() {
        TaxReasonCode::NoZone
    } else {
        TaxReasonCode::NoRate
    }
}

fn basis(gross: bool) -> Basis {
    if gross { Basis::Gross } else { Basis::Net }
}

fn won(candidate: Candidate) -> CandidateWon {
    CandidateWon {
        price_id: candidate.price_id,
        price_list_id: candidate.list.id,
        price: Money::new(candidate.amount, candidate.list.currency),
        basis: basis(candidate.list.gross),
        price_list_code: candidate.list.code,
        min_quantity: candidate.min_quantity,
    }
}

fn lost_document(candidate: Candidate, reason: Loss) -> CandidateLost {
    let CandidateWon { price_id, price_list_id, price_list_code, min_quantity, price, basis } = won(candidate);
    CandidateLost { price_id, price_list_id, price_list_code, min_quantity, price, basis, reason }
}
