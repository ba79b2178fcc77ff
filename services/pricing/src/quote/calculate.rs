//! The calculation of a document: prices of lines in a context, with the reasons.
//!
//! Order of calculation: choose the price by the final quantity and multiply; then calculate tax once per line and rate, in the basis
//! of the winning list; sum the lines. A line amount is never a converted unit amount times the quantity: two units at a gross
//! price of 100, without its 20 %, are 167 and not 166.

use bloom_fault::{Fault, ViolationCode};
use bloom_kernel::{Country, Currency, Money, PriceId, PriceListId, Rate, Rounding, TaxClassId, VariantId};

use super::choose::{LossReason, choose};
use super::model::{Candidate, QuoteContext};
use crate::error::{unknown, unprocessable};
use crate::place::Destination;
use crate::tax::{Due, OutOfRange, RateTax, TaxRules, Taxed, UnknownClass, due, net_of, tax_of_gross, tax_of_net};

/// A line to price.
#[derive(Debug, Clone)]
pub struct CalculationLine {
    /// The caller's id of the line.
    pub id: String,
    pub variant_id: VariantId,
    /// Its tax class; none: the tenant's default class.
    pub class_id: Option<TaxClassId>,
    /// How many, at least 1.
    pub quantity: i64,
    /// The price rows to choose from.
    pub candidates: Vec<Candidate>,
}

/// The charge for delivery, in the basis of the context.
#[derive(Debug, Clone, Copy)]
pub struct Delivery {
    /// Minor units.
    pub amount: i64,
    /// Its tax class; none: the tenant's default class.
    pub class_id: Option<TaxClassId>,
}

/// The amounts of a line, and what they follow from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PricedAmounts {
    /// The row that won; none: a delivery charge.
    pub price: Option<(PriceId, PriceListId)>,
    /// One unit in the basis of the context.
    pub unit_amount: i64,
    /// The line in the basis of the context.
    pub line_amount: i64,
    /// Whether the winning list holds gross prices.
    pub list_gross: bool,
    /// The tax that was due.
    pub due: Due,
    /// The line with its tax.
    pub taxed: Taxed,
    /// The country whose tax was removed before the tax of the destination was added.
    pub tax_removed_of: Option<Country>,
}

/// A calculated line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CalculatedLine {
    /// The caller's id of the line.
    pub id: String,
    pub variant_id: VariantId,
    pub quantity: i64,
    /// Its amounts; none: no row fits.
    pub priced: Option<PricedAmounts>,
    /// The rows that did not win.
    pub lost: Vec<(Candidate, LossReason)>,
    /// The row that won.
    pub won: Option<Candidate>,
}

/// The tax of one rate over the whole document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaxSummary {
    /// The name of the rate.
    pub name: String,
    /// Parts per million.
    pub rate_ppm: Rate,
    /// Sum of the lines' taxable amounts.
    pub taxable_amount: i64,
    /// Sum of the lines' tax.
    pub tax_amount: i64,
}

/// A calculated document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calculation {
    /// How halves of a minor unit were rounded.
    pub rounding: Rounding,
    /// The lines in the given order.
    pub lines: Vec<CalculatedLine>,
    /// The delivery charge with its tax.
    pub delivery: Option<PricedAmounts>,
    /// Sum of the line amounts, in the basis of the context.
    pub subtotal: i64,
    /// The delivery charge, in the basis of the context.
    pub delivery_total: i64,
    /// Sum of all tax.
    pub tax_total: i64,
    /// What is to be paid: sum of all gross amounts.
    pub total: i64,
    /// The tax by name and rate.
    pub taxes: Vec<TaxSummary>,
}

/// Why a document cannot be calculated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CalculationError {
    /// An amount does not fit into 64 bits.
    #[error("the amount is out of range")]
    OutOfRange(Position),
    /// The tenant has no such tax class.
    #[error("no such tax class")]
    UnknownClass(Position),
}

/// The part of a document that an error is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Position {
    /// The line of this index.
    Line(usize),
    /// The delivery charge.
    Delivery,
    /// The sums.
    Document,
}

impl Position {
    fn out_of_range(self) -> impl Fn(OutOfRange) -> CalculationError {
        move |OutOfRange| CalculationError::OutOfRange(self)
    }

    fn unknown_class(self) -> impl Fn(UnknownClass) -> CalculationError {
        move |UnknownClass| CalculationError::UnknownClass(self)
    }
}

/// Calculates a document.
pub fn calculate(
    context: &QuoteContext,
    lines: &[CalculationLine],
    delivery: Option<Delivery>,
    rules: &TaxRules,
) -> Result<Calculation, CalculationError> {
    let lines = lines.iter().enumerate();
    let lines: Vec<CalculatedLine> =
        lines.map(|(at, line)| calculate_line(context, line, rules, at)).collect::<Result<_, _>>()?;
    let delivery = delivery.map(|charge| calculate_delivery(context, charge, rules)).transpose()?;
    sum_up(context.currency, rules.rounding, lines, delivery).ok_or(CalculationError::OutOfRange(Position::Document))
}

fn calculate_line(
    context: &QuoteContext,
    line: &CalculationLine,
    rules: &TaxRules,
    at: usize,
) -> Result<CalculatedLine, CalculationError> {
    let choice = choose(&line.candidates, context, line.quantity);
    let priced = match choice.won {
        None => {
            // An unknown class is refused even without a price, so that the mistake shows before the first price is set.
            due(rules, &context.destination, line.class_id).map_err(Position::Line(at).unknown_class())?;
            None
        }
        Some(won) => Some(price(context, won, line.quantity, line.class_id, rules, Position::Line(at))?),
    };
    Ok(CalculatedLine {
        id: line.id.clone(),
        variant_id: line.variant_id,
        quantity: line.quantity,
        priced,
        lost: choice.lost.into_iter().map(|(candidate, reason)| (candidate.clone(), reason)).collect(),
        won: choice.won.cloned(),
    })
}

/// The price of a quantity with the row that won.
pub fn price(
    context: &QuoteContext,
    won: &Candidate,
    quantity: i64,
    class: Option<TaxClassId>,
    rules: &TaxRules,
    at: Position,
) -> Result<PricedAmounts, CalculationError> {
    let destination = due(rules, &context.destination, class).map_err(at.unknown_class())?;
    let home = match &won.list.tax_country {
        Some(country) if won.list.gross => {
            let home = due(rules, &Destination::of_country(country.clone()), class).map_err(at.unknown_class())?;
            // If home and destination have the same rates, the gross price is unchanged.
            (home.rates != destination.rates).then_some((country, home))
        }
        Some(_) | None => None,
    };
    let taxed = |quantity: i64| -> Result<Taxed, OutOfRange> {
        let amount = won.amount.checked_mul(quantity).ok_or(OutOfRange)?;
        match &home {
            Some((_, home)) => {
                let (net, step) = net_of(amount, &home.rates, rules.rounding)?;
                let mut taxed = tax_of_net(net, &destination.rates, rules.rounding)?;
                taxed.steps.insert(0, step);
                Ok(taxed)
            }
            None if won.list.gross => tax_of_gross(amount, &destination.rates, rules.rounding),
            None => tax_of_net(amount, &destination.rates, rules.rounding),
        }
    };
    let line = taxed(quantity).map_err(at.out_of_range())?;
    let unit = taxed(1).map_err(at.out_of_range())?;
    let shown = |taxed: &Taxed| if context.gross { taxed.gross } else { taxed.net };
    Ok(PricedAmounts {
        price: Some((won.price_id, won.list.id)),
        unit_amount: shown(&unit),
        line_amount: shown(&line),
        list_gross: won.list.gross,
        tax_removed_of: home.map(|(country, _)| country.clone()),
        due: destination,
        taxed: line,
    })
}

fn calculate_delivery(context: &QuoteContext, charge: Delivery, rules: &TaxRules) -> Result<PricedAmounts, CalculationError> {
    let at = Position::Delivery;
    let due = due(rules, &context.destination, charge.class_id).map_err(at.unknown_class())?;
    let taxed = if context.gross {
        tax_of_gross(charge.amount, &due.rates, rules.rounding)
    } else {
        tax_of_net(charge.amount, &due.rates, rules.rounding)
    };
    Ok(PricedAmounts {
        price: None,
        unit_amount: charge.amount,
        line_amount: charge.amount,
        list_gross: context.gross,
        tax_removed_of: None,
        due,
        taxed: taxed.map_err(at.out_of_range())?,
    })
}

/// The sums of the document; `None` when one does not fit into 64 bits.
fn sum_up(
    currency: Currency,
    rounding: Rounding,
    lines: Vec<CalculatedLine>,
    delivery: Option<PricedAmounts>,
) -> Option<Calculation> {
    let mut subtotal = Money::zero(currency);
    let mut tax_total = Money::zero(currency);
    let mut total = Money::zero(currency);
    let mut taxes: Vec<TaxSummary> = Vec::new();
    let add = |sum: Money, amount: i64| sum.checked_add(Money::new(amount, currency)).ok();
    for line in lines.iter().filter_map(|line| line.priced.as_ref()) {
        subtotal = add(subtotal, line.line_amount)?;
    }
    for part in lines.iter().filter_map(|line| line.priced.as_ref()).chain(&delivery) {
        tax_total = add(tax_total, part.taxed.tax)?;
        total = add(total, part.taxed.gross)?;
        for tax in &part.taxed.lines {
            add_to_summary(&mut taxes, tax)?;
        }
    }
    let delivery_total = delivery.as_ref().map_or(0, |charge| charge.line_amount);
    Some(Calculation {
        rounding,
        lines,
        delivery,
        subtotal: subtotal.amount(),
        delivery_total,
        tax_total: tax_total.amount(),
        total: total.amount(),
        taxes,
    })
}

fn add_to_summary(taxes: &mut Vec<TaxSummary>, tax: &RateTax) -> Option<()> {
    let same = |row: &&mut TaxSummary| row.name == tax.name && row.rate_ppm == tax.rate_ppm;
    if let Some(row) = taxes.iter_mut().find(same) {
        row.taxable_amount = row.taxable_amount.checked_add(tax.taxable_amount)?;
        row.tax_amount = row.tax_amount.checked_add(tax.tax_amount)?;
    } else {
        taxes.push(TaxSummary {
            name: tax.name.clone(),
            rate_ppm: tax.rate_ppm,
            taxable_amount: tax.taxable_amount,
            tax_amount: tax.tax_amount,
        });
    }
    Some(())
}

impl From<CalculationError> for Fault {
    fn from(error: CalculationError) -> Self {
        let pointer = |at: Position, field: &str| match at {
            Position::Line(at) => format!("/lines/{at}/{field}"),
            Position::Delivery => format!("/delivery/{field}"),
            Position::Document => String::new(),
        };
        match error {
            CalculationError::UnknownClass(at) => unknown("tax class", pointer(at, "tax_class_id")),
            CalculationError::OutOfRange(at) => {
                let detail = "An amount does not fit into 64 bits of minor units.";
                unprocessable(pointer(at, "quantity"), "amount_out_of_range", ViolationCode::OutOfRange, detail)
            }
        }
    }
}
