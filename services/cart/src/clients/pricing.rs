//! Pricing: prices and taxes of a cart.

use std::collections::HashMap;

use bloom_contract_pricing as proto;
use bloom_fault::{Code, Fault};
use bloom_kernel::{CartLineId, Currency, Money, Rate, TaxClassId, TaxLine, ViolationCode};
use bloom_runtime::RequestContext;

use crate::Carts;

/// A price with its tax, in minor units.
#[derive(Debug, Clone)]
pub(crate) struct PricedItem {
    /// Price of a unit.
    pub(crate) unit: i64,
    /// Unit × quantity.
    pub(crate) subtotal: i64,
    /// Without tax.
    pub(crate) net: i64,
    pub(crate) tax: i64,
    /// With tax.
    pub(crate) total: i64,
    /// The tax by rate.
    pub(crate) taxes: Vec<TaxLine>,
}

/// The reply of pricing for a cart. The default is the quote of an empty cart.
#[derive(Debug, Clone, Default)]
pub(crate) struct Quote {
    /// The lines that have a price.
    pub(crate) lines: HashMap<CartLineId, PricedItem>,
    /// The charge for delivery.
    pub(crate) delivery: Option<PricedItem>,
    /// Sum of the lines.
    pub(crate) subtotal: i64,
    pub(crate) delivery_total: i64,
    pub(crate) tax_total: i64,
    pub(crate) total: i64,
    /// The tax by rate.
    pub(crate) taxes: Vec<TaxLine>,
}

/// The prices and taxes of a cart in this currency.
pub(crate) async fn quote(
    app: &Carts,
    context: &RequestContext,
    request: proto::QuoteRequest,
    currency: Currency,
) -> Result<Quote, Fault> {
    let reply = app.pricing.clone().quote(app.context.request(context, request)).await?.into_inner();
    let lines = reply.lines.into_iter().filter(|line| line.priced);
    let lines = lines.filter_map(|line| Some((line.line_id.parse().ok()?, line)));
    let lines = lines.map(|(id, line)| Ok((id, priced_item(line, currency)?)));
    let taxes = reply.taxes.into_iter();
    let taxes = taxes.map(|tax| tax_line(tax.name, tax.rate_ppm, [tax.taxable_amount, tax.tax_amount], currency));
    Ok(Quote {
        lines: lines.collect::<Result<_, Fault>>()?,
        delivery: reply.delivery.map(|delivery| priced_item(delivery, currency)).transpose()?,
        subtotal: reply.subtotal,
        delivery_total: reply.delivery_total,
        tax_total: reply.tax_total,
        total: reply.total,
        taxes: taxes.collect::<Result<_, Fault>>()?,
    })
}

/// Refuses a tax class that pricing does not know, by requesting the quote of a free delivery in that class.
pub(crate) async fn check_tax_class(
    app: &Carts,
    context: &RequestContext,
    currency: Currency,
    class: TaxClassId,
) -> Result<(), Fault> {
    let request = proto::QuoteRequest {
        currency: currency.to_string(),
        // Antarctica is in no tax zone, and pricing looks up the class for every country.
        country: "AQ".to_owned(),
        delivery: Some(proto::DeliveryLine { amount: 0, tax_class_id: class.to_string() }),
        ..proto::QuoteRequest::default()
    };
    match app.pricing.clone().quote(app.context.request(context, request)).await.map_err(Fault::from) {
        Ok(_) => Ok(()),
        Err(fault) if fault.code == Code::NotFound => {
            Err(Fault::not_found("tax class").at("/tax_class_id", ViolationCode::Unknown, "There is no such tax class."))
        }
        Err(fault) => Err(fault),
    }
}

fn priced_item(line: proto::QuotedLine, currency: Currency) -> Result<PricedItem, Fault> {
    Ok(PricedItem {
        unit: line.unit_amount,
        subtotal: line.line_amount,
        net: line.net_amount,
        tax: line.tax_amount,
        total: line.gross_amount,
        taxes: tax_lines(line.taxes, currency)?,
    })
}

fn tax_lines(taxes: Vec<proto::TaxLine>, currency: Currency) -> Result<Vec<TaxLine>, Fault> {
    taxes.into_iter().map(|tax| tax_line(tax.name, tax.rate_ppm, [tax.taxable_amount, tax.tax_amount], currency)).collect()
}

fn tax_line(name: String, rate_ppm: u32, amounts: [i64; 2], currency: Currency) -> Result<TaxLine, Fault> {
    let [taxable, tax] = amounts.map(|amount| Money::new(amount, currency));
    Ok(TaxLine { name, rate_ppm: Rate::new(rate_ppm).map_err(Fault::internal)?, taxable, tax })
}
