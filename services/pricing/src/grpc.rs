//! What other services ask: each call decodes, asks one operation, encodes.

use bloom_contract_pricing::pricing_server;
use bloom_contract_pricing::{
    FindTaxClassesReply, FindTaxClassesRequest, PriceRow, QuoteLine, QuoteReply, QuoteRequest, QuotedLine, SetPricesReply,
    SetPricesRequest, TaxLine, TaxSummary,
};
use bloom_fault::Fault;
use bloom_kernel::{Currency, Money, TaxClassId};
use bloom_runtime::{RequestContext, grpc};
use tonic::{Request, Response, Status};

use crate::Pricing;
use crate::domain::bounded::Quantity;
use crate::domain::choice::Occasion;
use crate::domain::place::{Address, Country, PostalCode, Region};
use crate::domain::price::{AMOUNT_MAX, PriceInput};
use crate::domain::quote::{self, Delivery, Priced, Quote};
use crate::error;
use crate::ops::quote_lines::{Asked, AskedLine, LINES_MAX, quote_lines};
use crate::ops::set_prices::{PricesSet, prices_set};
use crate::store::tax_class::tax_class_find;

/// Most tax classes that are looked for at once: one for each variant of a product.
const TAX_CLASSES_MAX: usize = 250;

/// Pricing over gRPC.
pub struct Grpc(pub Pricing);

#[tonic::async_trait]
impl pricing_server::Pricing for Grpc {
    async fn quote(&self, request: Request<QuoteRequest>) -> Result<Response<QuoteReply>, Status> {
        let call = grpc::call(&request)?;
        let asked = asked(&self.0, &call, request.into_inner())?;
        let currency = asked.occasion.currency;
        let (quote, _) = quote_lines(&self.0, call.tenant, asked).await?;
        Ok(Response::new(quote_reply(quote, currency)))
    }

    async fn set_prices(&self, request: Request<SetPricesRequest>) -> Result<Response<SetPricesReply>, Status> {
        let call = grpc::call(&request)?;
        let rows = request.into_inner().prices.into_iter().enumerate();
        let prices = rows.map(|(at, row)| price_input(at, &row)).collect::<Result<_, Fault>>()?;
        let reply = prices_set(&self.0, &call, &PricesSet { prices }).await?;
        let changed = reply.body().map_or(0, |body| body.changed);
        Ok(Response::new(SetPricesReply { changed }))
    }

    async fn find_tax_classes(&self, request: Request<FindTaxClassesRequest>) -> Result<Response<FindTaxClassesReply>, Status> {
        let call = grpc::call(&request)?;
        let ids = grpc::readable_ids::<TaxClassId>(&request.get_ref().tax_class_ids, TAX_CLASSES_MAX)?;
        let mut conn = self.0.db.read(call.tenant).await?;
        let found = tax_class_find(&mut conn, &ids).await.map_err(Fault::from)?;
        Ok(Response::new(FindTaxClassesReply { tax_class_ids: found.iter().map(ToString::to_string).collect() }))
    }
}

/// An id that may be left out.
fn optional<T: std::str::FromStr>(text: &str, what: &'static str, pointer: impl Into<String>) -> Result<Option<T>, Fault> {
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| error::not_found(what, pointer))
}

fn currency(code: &str, pointer: &str) -> Result<Currency, Fault> {
    Currency::parse(code).map_err(|error| Fault::invalid(pointer, "currency", error.to_string()))
}

fn quantity(quantity: i64, pointer: String) -> Result<Quantity, Fault> {
    Quantity::new(quantity).map_err(|error| Fault::invalid(pointer, "out_of_range", error.to_string()))
}

fn asked(app: &Pricing, call: &RequestContext, request: QuoteRequest) -> Result<Asked, Fault> {
    if LINES_MAX < request.lines.len() {
        return Err(Fault::invalid("/lines", "length", "At most 200 lines are priced in one call."));
    }
    let country = Country::parse(&request.country).map_err(|error| Fault::invalid("/country", "country", error.to_string()))?;
    // Regions and postal codes are what a buyer typed: one that cannot be read is one that is not known.
    let region = Region::parse(&request.region).ok();
    let postal_code = PostalCode::parse(&request.postal_code).ok();
    let occasion = Occasion {
        currency: currency(&request.currency, "/currency")?,
        channel_id: optional(&request.channel_id, "channel", "/channel_id")?,
        now: app.host.now(call.tenant),
    };
    let lines = request.lines.into_iter().enumerate().map(|(at, line)| asked_line(at, line)).collect::<Result<_, _>>()?;
    let delivery = match request.delivery {
        Some(charge) if !(0..=AMOUNT_MAX).contains(&charge.amount) => {
            return Err(Fault::invalid("/delivery/amount", "out_of_range", "A charge is from 0 to 1000000000000 minor units."));
        }
        Some(charge) => {
            let class_id = optional(&charge.tax_class_id, "tax class", "/delivery/tax_class_id")?;
            Some(Delivery { amount: charge.amount, class_id })
        }
        None => None,
    };
    let address = Address { country, region, postal_code };
    Ok(Asked { occasion, gross: request.gross, address, lines, delivery, explain: false })
}

fn asked_line(at: usize, line: QuoteLine) -> Result<AskedLine, Fault> {
    let pointer = |field: &str| format!("/lines/{at}/{field}");
    Ok(AskedLine {
        variant_id: line.variant_id.parse().map_err(|_| error::not_found("variant", pointer("variant_id")))?,
        class_id: optional(&line.tax_class_id, "tax class", pointer("tax_class_id"))?,
        quantity: quantity(line.quantity, pointer("quantity"))?.get(),
        id: line.line_id,
    })
}

fn price_input(at: usize, row: &PriceRow) -> Result<PriceInput, Fault> {
    let pointer = |field: &str| format!("/prices/{at}/{field}");
    Ok(PriceInput {
        price_list_id: optional(&row.price_list_id, "price list", pointer("price_list_id"))?,
        variant_id: row.variant_id.parse().map_err(|_| error::not_found("variant", pointer("variant_id")))?,
        min_quantity: quantity(row.min_quantity, pointer("min_quantity"))?,
        price: Money::new(row.amount, currency(&row.currency, &pointer("currency"))?),
    })
}

fn quote_reply(quote: Quote, currency: Currency) -> QuoteReply {
    let lines = quote.lines.into_iter().map(|line| match line.priced {
        Some(priced) => quoted_line(line.id, priced),
        None => QuotedLine { line_id: line.id, ..QuotedLine::default() },
    });
    QuoteReply {
        lines: lines.collect(),
        delivery: quote.delivery.map(|charge| quoted_line(String::new(), charge)),
        subtotal: quote.subtotal,
        delivery_total: quote.delivery_total,
        tax_total: quote.tax_total,
        total: quote.total,
        taxes: quote.taxes.into_iter().map(tax_summary).collect(),
        currency: currency.as_str().to_owned(),
    }
}

fn quoted_line(line_id: String, priced: Priced) -> QuotedLine {
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

fn tax_line(line: crate::domain::tax::TaxLine) -> TaxLine {
    TaxLine {
        tax_rate_id: line.tax_rate_id.to_string(),
        name: line.name,
        rate_ppm: line.rate_ppm,
        taxable_amount: line.taxable_amount,
        tax_amount: line.tax_amount,
    }
}

fn tax_summary(row: quote::Summary) -> TaxSummary {
    let quote::Summary { name, rate_ppm, taxable_amount, tax_amount } = row;
    TaxSummary { name, rate_ppm, taxable_amount, tax_amount }
}
