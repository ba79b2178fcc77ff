//! `POST /v1/pricing/quotes`: prices lines, with the reasons for each price.

use aide::axum::ApiRouter;
use aide::axum::routing::post_with;
use axum::extract::State;
use bloom_fault::{Code, Fault};
use bloom_kernel::{ChannelId, Currency, Money, TaxClassId, Timestamp, VariantId};
use bloom_runtime::http::{Caller, Json};
use bloom_runtime::{Audience, Reply};
use schemars::JsonSchema;
use serde::Deserialize;

use super::calculate::Delivery;
use super::explained::Quote;
use super::model::QuoteContext;
use super::price_lines::{LINES_MAX, QuoteRequest, RequestedLine, price_lines};
use crate::Pricing;
use crate::bounded::{AMOUNT_MAX, Quantity};
use crate::channel::{Channel, channel_ask, channel_get};
use crate::error::unprocessable;
use crate::permissions::PricingQuote;
use crate::place::{Country, Destination, TaxPostalCode, TaxRegion};
use crate::variant_class::variant_classes_get;

/// Lines to price in a context. The channel supplies what the context leaves out.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct QuoteCreate {
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
    #[schemars(length(min = 1, max = 200))]
    lines: Vec<QuoteLineCreate>,
    /// The charge for delivery, in the basis of the quote.
    #[serde(default)]
    delivery: Option<QuoteDeliveryCreate>,
}

/// The destination, as far as it is known.
#[derive(Debug, Deserialize, JsonSchema)]
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
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct QuoteLineCreate {
    /// The caller's id of the line; left out: its number, starting with 1.
    #[serde(default)]
    #[schemars(length(max = 64))]
    id: Option<String>,
    /// What is sold.
    variant_id: VariantId,
    /// How many.
    quantity: Quantity,
    /// Its tax class; left out: the variant's own, else the default class.
    #[serde(default)]
    tax_class_id: Option<TaxClassId>,
}

/// The charge for delivery.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct QuoteDeliveryCreate {
    /// The charge, in the currency of the quote.
    price: Money,
    /// Its tax class; left out: the default class.
    #[serde(default)]
    tax_class_id: Option<TaxClassId>,
}

pub(crate) fn routes() -> ApiRouter<Pricing> {
    ApiRouter::new().api_route(
        "/v1/pricing/quotes",
        post_with(create, |op| {
            op.id("quote_create").tag("pricing").summary("Quote lines, with the reasons for each price").description(
                "Prices are chosen by the final quantity of each line. Tax is calculated once per line and rate and rounded \
                 there; the summary is the sum of the lines. With a secret key the reply names the price rows that lost, and why.",
            )
        }),
    )
}

async fn create(
    State(app): State<Pricing>,
    caller: Caller<PricingQuote>,
    Json(input): Json<QuoteCreate>,
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
    let mut request = request(input, channel.as_ref(), app.host.now(caller.tenant), explain)?;
    for line in &mut request.lines {
        line.class_id = line.class_id.or_else(|| classes.get(&line.variant_id).copied());
    }
    let context = request.context.clone();
    let calculation = price_lines(&app, caller.tenant, request).await?;
    Ok(Reply::ok(Quote::new(calculation, context, explain)))
}

/// The request, with what it leaves out taken from the channel.
fn request(input: QuoteCreate, channel: Option<&Channel>, now: Timestamp, explain: bool) -> Result<QuoteRequest, Fault> {
    if input.lines.is_empty() || LINES_MAX < input.lines.len() {
        return Err(Fault::invalid("/lines", "length", "Ask for 1 to 200 lines."));
    }
    let required = |field: &str| {
        let detail = format!("There is no channel to take `{field}` from: name it.");
        Fault::invalid(format!("/{field}"), "required", detail)
    };
    let currency = input.currency.or(channel.map(|channel| channel.currency)).ok_or_else(|| required("currency"))?;
    let gross = input.gross.or(channel.map(|channel| channel.gross)).ok_or_else(|| required("gross"))?;
    let destination = match input.ship_to {
        Some(QuoteShipTo { country, region, postal_code }) => Destination { country, region, postal_code },
        None => Destination::of_country(channel.map(|channel| channel.country.clone()).ok_or_else(|| required("ship_to"))?),
    };
    let lines = input.lines.into_iter().enumerate().map(|(at, line)| requested_line(at, line)).collect::<Result<_, _>>()?;
    let delivery = input.delivery.map(|charge| delivery(&charge, currency)).transpose()?;
    let context = QuoteContext { currency, channel_id: channel.map(|channel| channel.id), now, gross, destination };
    Ok(QuoteRequest { context, lines, delivery, explain })
}

fn requested_line(at: usize, line: QuoteLineCreate) -> Result<RequestedLine, Fault> {
    let id = line.id.unwrap_or_else(|| (at + 1).to_string());
    if id.is_empty() || 64 < id.chars().count() {
        return Err(Fault::invalid(format!("/lines/{at}/id"), "length", "A line's id has 1 to 64 characters."));
    }
    Ok(RequestedLine { id, variant_id: line.variant_id, class_id: line.tax_class_id, quantity: line.quantity.get() })
}

fn delivery(charge: &QuoteDeliveryCreate, currency: Currency) -> Result<Delivery, Fault> {
    if charge.price.currency() != currency {
        let detail = format!("The quote is in {currency}; currencies are never mixed.");
        return Err(unprocessable("/delivery/price/currency", "currency_mismatch", detail));
    }
    if !(0..=AMOUNT_MAX).contains(&charge.price.amount()) {
        return Err(Fault::invalid("/delivery/price/amount", "out_of_range", "A charge is from 0 to 1000000000000 minor units."));
    }
    Ok(Delivery { amount: charge.price.amount(), class_id: charge.tax_class_id })
}

/// A publishable key quotes in its own channel only.
fn channel_fixed() -> Fault {
    let detail =
        "This publishable key or request is fixed to another channel. Leave channel_id out, or use that channel's own key.";
    Fault::new(Code::Forbidden, "channel_fixed", detail).at("/channel_id", "channel_fixed", detail).policy("key:channel")
}
