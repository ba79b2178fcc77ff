//! The quote: prices of lines in a context, with the reasons.
//!
//! Order of computation: the price by the final quantity, times the quantity; then tax once per line and rate, in the
//! basis of the winning list; the summary is the sum of the lines. Line amounts are never unit amounts multiplied after
//! a conversion: a gross price of 100 sold twice without its 20 % is 167, not 166.

use bloom_kernel::{Currency, Money, PriceId, PriceListId, Rounding, TaxClassId, VariantId};

use super::choice::{Candidate, Loss, Occasion, choose};
use super::place::{Address, Country};
use super::tax::{Due, OutOfRange, Step, TaxLine, Taxed, Taxes, UnknownClass, due, net_of, of_gross, of_net};

/// A line to price.
#[derive(Debug, Clone)]
pub struct Line {
    /// The caller's name for the line.
    pub id: String,
    /// What is sold.
    pub variant_id: VariantId,
    /// Its tax class; none: the tenant's default class.
    pub class_id: Option<TaxClassId>,
    /// How many, at least 1.
    pub quantity: i64,
    /// The price rows of the variant.
    pub candidates: Vec<Candidate>,
}

/// The charge for delivery, in the asked basis.
#[derive(Debug, Clone, Copy)]
pub struct Delivery {
    /// Minor units.
    pub amount: i64,
    /// Its tax class; none: the tenant's default class.
    pub class_id: Option<TaxClassId>,
}

/// The context that all lines share.
#[derive(Debug, Clone)]
pub struct Context {
    /// When and where it is sold.
    pub occasion: Occasion,
    /// Whether amounts are shown with tax.
    pub gross: bool,
    /// Where it goes.
    pub address: Address,
    /// How halves are rounded.
    pub rounding: Rounding,
}

/// The price of a line and why it is that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Priced {
    /// The row that won; none: a delivery charge.
    pub price: Option<(PriceId, PriceListId)>,
    /// One unit in the asked basis.
    pub unit_amount: i64,
    /// The line in the asked basis.
    pub line_amount: i64,
    /// Whether the winning list holds gross prices.
    pub list_gross: bool,
    /// What was due.
    pub due: Due,
    /// The line with its tax.
    pub taxed: Taxed,
    /// The country whose tax was taken out before the tax of the address was added.
    pub moved_from: Option<Country>,
}

/// A quoted line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuotedLine {
    /// The caller's name for the line.
    pub id: String,
    /// What is sold.
    pub variant_id: VariantId,
    /// How many.
    pub quantity: i64,
    /// The price; none: no row fits.
    pub priced: Option<Priced>,
    /// The rows that did not win.
    pub lost: Vec<(Candidate, Loss)>,
    /// The row that won.
    pub won: Option<Candidate>,
}

/// The tax of one rate over the whole document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// The name of the rate.
    pub name: String,
    /// Parts per million.
    pub rate_ppm: u32,
    /// Sum of the lines' taxable amounts.
    pub taxable_amount: i64,
    /// Sum of the lines' tax.
    pub tax_amount: i64,
}

/// A priced document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quote {
    /// The lines in the order asked.
    pub lines: Vec<QuotedLine>,
    /// The delivery charge with its tax.
    pub delivery: Option<Priced>,
    /// Sum of the line amounts, in the asked basis.
    pub subtotal: i64,
    /// The delivery charge, in the asked basis.
    pub delivery_total: i64,
    /// Sum of all tax.
    pub tax_total: i64,
    /// What is to be paid: sum of all gross amounts.
    pub total: i64,
    /// The tax by name and rate.
    pub taxes: Vec<Summary>,
}

/// Why there is no quote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum QuoteError {
    /// An amount does not fit into 64 bits.
    #[error("the amount is out of range")]
    OutOfRange(Place),
    /// The tenant has no such tax class.
    #[error("no such tax class")]
    UnknownClass(Place),
}

/// Where in the request something was wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In the line of this index.
    Line(usize),
    /// In the delivery charge.
    Delivery,
    /// In the sums.
    Document,
}

impl Place {
    fn out_of_range(self) -> impl Fn(OutOfRange) -> QuoteError {
        move |OutOfRange| QuoteError::OutOfRange(self)
    }

    fn unknown_class(self) -> impl Fn(UnknownClass) -> QuoteError {
        move |UnknownClass| QuoteError::UnknownClass(self)
    }
}

/// Prices a document.
pub fn quote(context: &Context, lines: &[Line], delivery: Option<Delivery>, tables: &Taxes) -> Result<Quote, QuoteError> {
    let lines = lines.iter().enumerate();
    let lines: Vec<QuotedLine> = lines.map(|(at, line)| quote_line(context, line, tables, at)).collect::<Result<_, _>>()?;
    let delivery = delivery.map(|charge| quote_delivery(context, charge, tables)).transpose()?;
    sum_up(context.occasion.currency, lines, delivery).ok_or(QuoteError::OutOfRange(Place::Document))
}

fn quote_line(context: &Context, line: &Line, tables: &Taxes, at: usize) -> Result<QuotedLine, QuoteError> {
    let choice = choose(&line.candidates, &context.occasion, line.quantity);
    let priced = match choice.won {
        None => {
            // An unknown class is refused with or without a price, so that it shows before the first price is set.
            due(tables, &context.address, line.class_id).map_err(Place::Line(at).unknown_class())?;
            None
        }
        Some(won) => Some(price(context, won, line.quantity, line.class_id, tables, Place::Line(at))?),
    };
    Ok(QuotedLine {
        id: line.id.clone(),
        variant_id: line.variant_id,
        quantity: line.quantity,
        priced,
        lost: choice.lost.into_iter().map(|(candidate, loss)| (candidate.clone(), loss)).collect(),
        won: choice.won.cloned(),
    })
}

/// The price of a quantity under the row that won.
pub fn price(
    context: &Context,
    won: &Candidate,
    quantity: i64,
    class: Option<TaxClassId>,
    tables: &Taxes,
    at: Place,
) -> Result<Priced, QuoteError> {
    let there = due(tables, &context.address, class).map_err(at.unknown_class())?;
    let home = match &won.list.tax_country {
        Some(country) if won.list.gross => {
            let home = due(tables, &Address::of_country(country.clone()), class).map_err(at.unknown_class())?;
            // The same rates at home and there: the gross price stays as it is.
            (home.rates != there.rates).then_some((country, home))
        }
        Some(_) | None => None,
    };
    let taxed = |quantity: i64| -> Result<Taxed, OutOfRange> {
        let amount = won.amount.checked_mul(quantity).ok_or(OutOfRange)?;
        match &home {
            Some((_, home)) => {
                let (net, step) = net_of(amount, &home.rates, context.rounding)?;
                let mut taxed = of_net(net, &there.rates, context.rounding)?;
                taxed.steps.insert(0, step);
                Ok(taxed)
            }
            None if won.list.gross => of_gross(amount, &there.rates, context.rounding),
            None => of_net(amount, &there.rates, context.rounding),
        }
    };
    let line = taxed(quantity).map_err(at.out_of_range())?;
    let unit = taxed(1).map_err(at.out_of_range())?;
    let shown = |taxed: &Taxed| if context.gross { taxed.gross } else { taxed.net };
    Ok(Priced {
        price: Some((won.price_id, won.list.id)),
        unit_amount: shown(&unit),
        line_amount: shown(&line),
        list_gross: won.list.gross,
        moved_from: home.map(|(country, _)| country.clone()),
        due: there,
        taxed: line,
    })
}

fn quote_delivery(context: &Context, charge: Delivery, tables: &Taxes) -> Result<Priced, QuoteError> {
    let at = Place::Delivery;
    let there = due(tables, &context.address, charge.class_id).map_err(at.unknown_class())?;
    let taxed = if context.gross {
        of_gross(charge.amount, &there.rates, context.rounding)
    } else {
        of_net(charge.amount, &there.rates, context.rounding)
    };
    Ok(Priced {
        price: None,
        unit_amount: charge.amount,
        line_amount: charge.amount,
        list_gross: context.gross,
        moved_from: None,
        due: there,
        taxed: taxed.map_err(at.out_of_range())?,
    })
}

/// Sums, all checked; `None` when one does not fit.
fn sum_up(currency: Currency, lines: Vec<QuotedLine>, delivery: Option<Priced>) -> Option<Quote> {
    let mut subtotal = Money::zero(currency);
    let mut tax_total = Money::zero(currency);
    let mut total = Money::zero(currency);
    let mut taxes: Vec<Summary> = Vec::new();
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
    Some(Quote {
        lines,
        delivery,
        subtotal: subtotal.amount(),
        delivery_total,
        tax_total: tax_total.amount(),
        total: total.amount(),
        taxes,
    })
}

fn add_to_summary(taxes: &mut Vec<Summary>, tax: &TaxLine) -> Option<()> {
    let same = |row: &&mut Summary| row.name == tax.name && row.rate_ppm == tax.rate_ppm;
    if let Some(row) = taxes.iter_mut().find(same) {
        row.taxable_amount = row.taxable_amount.checked_add(tax.taxable_amount)?;
        row.tax_amount = row.tax_amount.checked_add(tax.tax_amount)?;
    } else {
        taxes.push(Summary {
            name: tax.name.clone(),
            rate_ppm: tax.rate_ppm,
            taxable_amount: tax.taxable_amount,
            tax_amount: tax.tax_amount,
        });
    }
    Some(())
}

impl Priced {
    /// The roundings that left something over.
    pub fn remainders(&self) -> impl Iterator<Item = &Step> {
        self.taxed.steps.iter().filter(|step| step.remainder_numerator != 0)
    }
}
