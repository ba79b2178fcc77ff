//! `POST /v1/pricing/quotes`: prices lines, with the reasons for each price.

use axum::extract::State;
use bloom_fault::{Code, Fault, ViolationCode};
use bloom_kernel::{ChannelId, Country, Currency, Items, Quantity, TaxClassId, Timestamp, VariantId};
use bloom_runtime::Audience;
use bloom_web::{Body, Caller, Doc, Reply, Routes};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::calculate::Delivery;
use super::explained::Quote;
use super::model::QuoteContext;
use super::price_lines::{LINES_MAX, QuoteRequest, RequestedLine, price_lines};
use crate::bounded::{LineId, PriceAmount};
use crate::channel::{Channel, channel_ask, channel_get};
use crate::error::unprocessable;
use crate::place::{Destination, TaxPostalCode, TaxRegion};
use crate::variant_class::variant_classes_get;
use crate::{Pricing, PricingQuote};

/// Lines to price in a context. The channel supplies what the context leaves out.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct QuoteCreate {
    /// The channel; left out: that of the request or key, else the default channel.
    #[serde(default)]
    channel_id: Option<ChannelId>,
    /// The currency to pay in.
    #[serde(default)]
    currency: Option<Currency>,
    /// Whether amounts are to include tax.
    #[serde(default)]
    gross: Option<bool>,
    /// The destination; left out: an unknown address in the channel's country.
    #[serde(default)]
    ship_to: Option<QuoteShipTo>,
    /// 1 to 200 lines.
    lines: Items<QuoteLineCreate, 1, LINES_MAX>,
    /// The charge for delivery, in the basis of the quote.
    #[serde(default)]
    delivery: Option<QuoteDeliveryCreate>,
}

/// The destination, as far as it is known.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct QuoteShipTo {
    /// The country.
    country: Country,
    /// The region.
    #[serde(default)]
    region: Option<TaxRegion>,
    /// The postal code.
    #[serde(default)]
    postal_code: Option<TaxPostalCode>,
}

/// A line to price.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct QuoteLineCreate {
    /// The caller's id of the line; left out: its number, starting with 1.
    #[serde(default)]
    id: Option<LineId>,
    /// What is sold.
    variant_id: VariantId,
    /// How many.
    quantity: Quantity,
    /// Its tax class; left out: the variant's own, else the default class.
    #[serde(default)]
    tax_class_id: Option<TaxClassId>,
}

/// The charge for delivery.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct QuoteDeliveryCreate {
    /// The charge, in the currency of the quote.
    price: PriceAmount,
    /// Its tax class; left out: the default class.
    #[serde(default)]
    tax_class_id: Option<TaxClassId>,
}

const RULES: &str = "Prices are chosen by the final quantity of each line. Tax is calculated once per line and rate and rounded \
                     there; the summary is the sum of the lines. With a secret key the reply names the price rows that lost, \
                     and why.";

pub fn routes() -> Routes<Pricing> {
    Routes::new("/v1/pricing/quotes").post(
        "quote_create",
        Doc::new("Quote lines, with the reasons for each price").describe(RULES),
        create,
    )
}

async fn create(
    State(app): State<Pricing>,
    caller: Caller<PricingQuote>,
    Body(input): Body<QuoteCreate>,
) -> Result<Reply<Quote>, Fault> {
    // A publishable key gets no reasons: they would show prices of the future.
    let explain = caller.audience != Audience::Publishable;
    let channel_id = match (input.channel_id, caller.channel) {
        (Some(named), Some(fixed)) if named != fixed && !explain => return Err(channel_fixed()),
        (named, fixed) => named.or(fixed),
    };
    let mut conn = app.db.read(caller.tenant).await?;
    let replica = channel_get(&mut conn, channel_id).await?;
    let variants: Vec<VariantId> = input.lines.iter().map(|line| line.variant_id).collect();
    let classes = variant_classes_get(&mut conn, &variants).await?;
    drop(conn);
    let channel = match (replica, channel_id) {
        (None, Some(id)) => Some(channel_ask(&app, &caller, id).await?),
        (replica, _) => replica,
    };
    let mut request = request(input, channel.as_ref(), app.context.now(caller.tenant), explain)?;
    for line in &mut request.lines {
        line.class_id = line.class_id.or_else(|| classes.get(&line.variant_id).copied());
    }
    let context = request.context.clone();
    let calculation = price_lines(&app, caller.tenant, request).await?;
    Ok(Reply::ok(Quote::new(calculation, context, explain)))
}

/// The request, with what it leaves out taken from the channel.
fn request(input: QuoteCreate, channel: Option<&Channel>, now: Timestamp, explain: bool) -> Result<QuoteRequest, Fault> {
    let required = |field: &str| {
        let detail = format!("There is no channel to take `{field}` from: name it.");
        Fault::invalid(format!("/{field}"), ViolationCode::Required, detail)
    };
    let currency = input.currency.or(channel.map(|channel| channel.currency)).ok_or_else(|| required("currency"))?;
    let gross = input.gross.or(channel.map(|channel| channel.gross)).ok_or_else(|| required("gross"))?;
    let destination = match input.ship_to {
        Some(QuoteShipTo { country, region, postal_code }) => Destination { country, region, postal_code },
        None => Destination::of_country(channel.map(|channel| channel.country.clone()).ok_or_else(|| required("ship_to"))?),
    };
    let lines = input.lines.into_iter().enumerate().map(|(at, line)| requested_line(at, line)).collect();
    let delivery = input.delivery.map(|charge| delivery(&charge, currency)).transpose()?;
    let context = QuoteContext { currency, channel_id: channel.map(|channel| channel.id), now, gross, destination };
    Ok(QuoteRequest { context, lines, delivery, explain })
}

fn requested_line(at: usize, line: QuoteLineCreate) -> RequestedLine {
    let id = line.id.map_or_else(|| (at + 1).to_string(), String::from);
    RequestedLine { id, variant_id: line.variant_id, class_id: line.tax_class_id, quantity: line.quantity.get() }
}

fn delivery(charge: &QuoteDeliveryCreate, currency: Currency) -> Result<Delivery, Fault> {
    if charge.price.currency != currency {
        let detail = format!("The quote is in {currency}; currencies are never mixed.");
        let pointer = "/delivery/price/currency";
        return Err(unprocessable(pointer, "currency_mismatch", ViolationCode::Mismatch, detail));
    }
    Ok(Delivery { amount: charge.price.amount.get(), class_id: charge.tax_class_id })
}

/// A publishable key quotes in its own channel only.
fn channel_fixed() -> Fault {
    let detail =
        "This publishable key or request is fixed to another channel. Leave channel_id out, or use that channel's own key.";
    Fault::new(Code::Forbidden, "channel_fixed", detail).at("/channel_id", ViolationCode::Excluded, detail).policy("key:channel")
}
