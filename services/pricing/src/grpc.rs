//! The gRPC server for other services. Each call decodes the request, runs one operation and encodes the reply.

use std::str::FromStr;

use bloom_contract_pricing::pricing_server;
use bloom_contract_pricing::{
    DeliveryLine, FindTaxClassesReply, FindTaxClassesRequest, PriceRow, QuoteLine, QuoteReply, QuoteRequest, QuotedLine,
    SetPricesReply, SetPricesRequest, TAX_CLASSES_MAX, TaxLine, TaxSummary,
};
use bloom_fault::{Fault, ViolationCode};
use bloom_kernel::{Country, Currency, InvalidValue, Items, Quantity, TaxClassId};
use bloom_runtime::{RequestContext, grpc};
use tonic::{Request, Response, Status};

use crate::Pricing;
use crate::bounded::{Amount, PriceAmount};
use crate::error::unknown;
use crate::place::{Destination, TaxPostalCode, TaxRegion};
use crate::price::{PriceCreate, PricesChanged, PricesSet, prices_set};
use crate::quote::{self, Calculation, Delivery, LINES_MAX, PricedAmounts, QuoteContext, RequestedLine, price_lines};
use crate::tax;
use crate::tax_class::tax_class_find;

pub struct Grpc(pub Pricing);

#[tonic::async_trait]
impl pricing_server::Pricing for Grpc {
    async fn quote(&self, request: Request<QuoteRequest>) -> Result<Response<QuoteReply>, Status> {
        let caller = grpc::call(&request)?;
        let request = quote_request(&self.0, &caller, request.into_inner())?;
        let currency = request.context.currency;
        let calculation = price_lines(&self.0, caller.tenant, request).await?;
        Ok(Response::new(quote_reply(calculation, currency)))
    }

    async fn set_prices(&self, request: Request<SetPricesRequest>) -> Result<Response<SetPricesReply>, Status> {
        let caller = grpc::call(&request)?;
        let rows = request.into_inner().prices.into_iter().enumerate();
        let prices = rows.map(|(at, row)| price_create(at, &row)).collect::<Result<_, Fault>>()?;
        let prices = Items::new(prices).map_err(refuse("/prices"))?;
        let reply = prices_set(&self.0, &caller, &PricesSet { prices }).await?;
        let changed = match reply.replayed_as::<PricesChanged>() {
            Some(replayed) => replayed?.changed,
            None => reply.body().map_or(0, |body| body.changed),
        };
        Ok(Response::new(SetPricesReply { changed }))
    }

    async fn find_tax_classes(&self, request: Request<FindTaxClassesRequest>) -> Result<Response<FindTaxClassesReply>, Status> {
        let caller = grpc::call(&request)?;
        let ids = grpc::readable_ids::<TaxClassId>(&request.get_ref().tax_class_ids, TAX_CLASSES_MAX)?;
        let mut conn = self.0.db.read(caller.tenant).await?;
        let found = tax_class_find(&mut conn, &ids).await.map_err(Fault::from)?;
        Ok(Response::new(FindTaxClassesReply { tax_class_ids: found.iter().map(ToString::to_string).collect() }))
    }
}

/// The refusal of a value at this position.
fn refuse(pointer: impl Into<String>) -> impl FnOnce(InvalidValue) -> Fault {
    |error| Fault::invalid_value(pointer, error)
}

fn id<T: FromStr>(text: &str, what: &'static str, pointer: impl Into<String>) -> Result<T, Fault> {
    text.parse().map_err(|_| unknown(what, pointer))
}

/// An id that may be left out.
fn optional_id<T: FromStr>(text: &str, what: &'static str, pointer: impl Into<String>) -> Result<Option<T>, Fault> {
    if text.is_empty() { Ok(None) } else { id(text, what, pointer).map(Some) }
}

fn currency(code: &str, pointer: impl Into<String>) -> Result<Currency, Fault> {
    Currency::parse(code).map_err(|error| Fault::invalid(pointer, ViolationCode::Unknown, error.to_string()))
}

fn quote_request(app: &Pricing, caller: &RequestContext, request: QuoteRequest) -> Result<quote::QuoteRequest, Fault> {
    if LINES_MAX < request.lines.len() {
        return Err(Fault::invalid("/lines", ViolationCode::Count, "At most 200 lines are priced in one call."));
    }
    let country = Country::new(request.country).map_err(refuse("/country"))?;
    // Buyers type regions and postal codes, so an invalid one counts as unknown.
    let region = TaxRegion::new(request.region).ok();
    let postal_code = TaxPostalCode::new(request.postal_code).ok();
    let context = QuoteContext {
        currency: currency(&request.currency, "/currency")?,
        channel_id: optional_id(&request.channel_id, "channel", "/channel_id")?,
        now: app.context.now(caller.tenant),
        gross: request.gross,
        destination: Destination { country, region, postal_code },
    };
    let lines = request.lines.into_iter().enumerate().map(|(at, line)| requested_line(at, line)).collect::<Result<_, _>>()?;
    let delivery = request.delivery.map(|charge| delivery(&charge)).transpose()?;
    Ok(quote::QuoteRequest { context, lines, delivery, explain: false })
}

fn requested_line(at: usize, line: QuoteLine) -> Result<RequestedLine, Fault> {
    let pointer = |field: &str| format!("/lines/{at}/{field}");
    Ok(RequestedLine {
        variant_id: id(&line.variant_id, "variant", pointer("variant_id"))?,
        class_id: optional_id(&line.tax_class_id, "tax class", pointer("tax_class_id"))?,
        quantity: Quantity::new(line.quantity).map_err(refuse(pointer("quantity")))?.get(),
        id: line.line_id,
    })
}

fn delivery(charge: &DeliveryLine) -> Result<Delivery, Fault> {
    Ok(Delivery {
        amount: Amount::new(charge.amount).map_err(refuse("/delivery/amount"))?.get(),
        class_id: optional_id(&charge.tax_class_id, "tax class", "/delivery/tax_class_id")?,
    })
}

fn price_create(at: usize, row: &PriceRow) -> Result<PriceCreate, Fault> {
    let pointer = |field: &str| format!("/prices/{at}/{field}");
    Ok(PriceCreate {
        price_list_id: optional_id(&row.price_list_id, "price list", pointer("price_list_id"))?,
        variant_id: id(&row.variant_id, "variant", pointer("variant_id"))?,
        min_quantity: Quantity::new(row.min_quantity).map_err(refuse(pointer("min_quantity")))?,
        price: PriceAmount {
            amount: Amount::new(row.amount).map_err(refuse(pointer("amount")))?,
            currency: currency(&row.currency, pointer("currency"))?,
        },
    })
}

fn quote_reply(calculation: Calculation, currency: Currency) -> QuoteReply {
    let lines = calculation.lines.into_iter().map(|line| match line.priced {
        Some(priced) => quoted_line(line.id, priced),
        None => QuotedLine { line_id: line.id, ..QuotedLine::default() },
    });
    QuoteReply {
        lines: lines.collect(),
        delivery: calculation.delivery.map(|charge| quoted_line(String::new(), charge)),
        subtotal: calculation.subtotal,
        delivery_total: calculation.delivery_total,
        tax_total: calculation.tax_total,
        total: calculation.total,
        taxes: calculation.taxes.into_iter().map(tax_summary).collect(),
        currency: currency.as_str().to_owned(),
    }
}

fn quoted_line(line_id: String, priced: PricedAmounts) -> QuotedLine {
    let text = |id: Option<String>| id.unwrap_or_default();
    QuotedLine {
        line_id,
        priced: true,
        unit_amount: priced.unit_amount,
        line_amount: priced.line_amount,
        net_amount: priced.taxed.net,
        tax_amount: priced.taxed.tax,
        gross_amount: priced.taxed.gross,
        taxes: priced.taxed.lines.into_iter().map(tax_line).collect(),
        price_id: text(priced.price.map(|(price, _)| price.to_string())),
        price_list_id: text(priced.price.map(|(_, list)| list.to_string())),
    }
}

fn tax_line(line: tax::RateTax) -> TaxLine {
    TaxLine {
        tax_rate_id: line.tax_rate_id.to_string(),
        name: line.name,
        rate_ppm: line.rate_ppm.ppm(),
        taxable_amount: line.taxable_amount,
        tax_amount: line.tax_amount,
    }
}

fn tax_summary(row: quote::TaxSummary) -> TaxSummary {
    let quote::TaxSummary { name, rate_ppm, taxable_amount, tax_amount } = row;
    TaxSummary { name, rate_ppm: rate_ppm.ppm(), taxable_amount, tax_amount }
}
