//! `POST /v1/pricing/quotes`: prices lines and says why they cost that.

mod explained;

use aide::axum::ApiRouter;
use aide::axum::routing::post_with;
use axum::extract::State;
use bloom_fault::{Code, Fault};
use bloom_kernel::{ChannelId, Currency, Money, TaxClassId, Timestamp, VariantId};
use bloom_runtime::Audience;
use bloom_web::Reply;
use bloom_web::{Caller, Json};
use schemars::JsonSchema;
use serde::Deserialize;

use super::PricingQuote;
use crate::Pricing;
use crate::domain::bounded::Quantity;
use crate::domain::choice::Occasion;
use crate::domain::listing::Channel;
use crate::domain::place::{Address, Country, PostalCode, Region};
use crate::domain::price::AMOUNT_MAX;
use crate::domain::quote::Delivery;
use crate::error;
use crate::ops::known::channel_ask;
use crate::ops::quote_lines::{Asked, AskedLine, LINES_MAX, quote_lines};
use crate::store::channel::{channel_get, variant_classes_get};

pub use explained::{CandidateLost, CandidateWon, QuoteDocument, QuoteLineDocument};

/// Lines to price in a context. What the context leaves out comes from the channel.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct QuoteInput {
    /// The channel; left out: that of the request or key, else the default channel.
    #[serde(default)]
    pub channel_id: Option<ChannelId>,
    /// The currency to pay in.
    #[serde(default)]
    pub currency: Option<Currency>,
    /// Whether amounts are to include tax.
    #[serde(default)]
    pub gross: Option<bool>,
    /// Where the goods go; left out: somewhere in the channel's country.
    #[serde(default)]
    pub ship_to: Option<ShipTo>,
    /// 1 to 200 lines.
    #[schemars(length(min = 1, max = 200))]
    pub lines: Vec<QuoteLineInput>,
    /// The charge for delivery, in the asked basis.
    #[serde(default)]
    pub delivery: Option<DeliveryInput>,
}

/// Where the goods go, as far as it is known.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ShipTo {
    /// The country.
    pub country: Country,
    /// The region.
    #[serde(default)]
    pub region: Option<Region>,
    /// The postal code.
    #[serde(default)]
    pub postal_code: Option<PostalCode>,
}

/// A line to price.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct QuoteLineInput {
    /// The caller's name for the line; left out: its number, beginning with 1.
    #[serde(default)]
    #[schemars(length(max = 64))]
    pub id: Option<String>,
    /// What is sold.
    pub variant_id: VariantId,
    /// How many.
    pub quantity: Quantity,
    /// Its tax class; left out: the variant's own, else the default class.
    #[serde(default)]
    pub tax_class_id: Option<TaxClassId>,
}

/// The charge for delivery.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeliveryInput {
    /// The charge, in the currency of the quote.
    pub price: Money,
    /// Its tax class; left out: the default class.
    #[serde(default)]
    pub tax_class_id: Option<TaxClassId>,
}

/// The route of quotes.
pub fn routes() -> ApiRouter<Pricing> {
    ApiRouter::new().api_route(
        "/v1/pricing/quotes",
        post_with(quote_create, |op| {
            op.id("quote_create").tag("pricing").summary("Quote lines, with the reasons for each price").description(
                "Prices are chosen by the final quantity of each line. Tax is taken once per line and rate and rounded there; \
                 the summary is the sum of the lines. With a secret key the reply names the price rows that lost, and why.",
            )
        }),
    )
}

async fn quote_create(
    State(app): State<Pricing>,
    caller: Caller<PricingQuote>,
    Json(input): Json<QuoteInput>,
) -> Result<Reply<QuoteDocument>, Fault> {
    // A storefront's key must not read next month's prices out of the reasons.
    let explain = caller.audience != Audience::Publishable;
    let named = match (input.channel_id, caller.channel) {
        (Some(named), Some(fixed)) if named != fixed && !explain => return Err(error::channel_fixed()),
        (named, fixed) => named.or(fixed),
    };
    let mut conn = app.db.read(caller.tenant).await?;
    let heard = channel_get(&mut conn, named).await?;
    let variants: Vec<VariantId> = input.lines.iter().map(|line| line.variant_id).collect();
    let classes = variant_classes_get(&mut conn, &variants).await?;
    drop(conn);
    let channel = match (heard, named) {
        (None, Some(id)) => Some(channel_ask(&app, &caller, id).await?),
        (heard, _) => heard,
    };
    let mut asked = asked(input, channel.as_ref(), app.host.now(caller.tenant), explain)?;
    for line in &mut asked.lines {
        line.class_id = line.class_id.or_else(|| classes.get(&line.variant_id).copied());
    }
    let (occasion, gross, address) = (asked.occasion, asked.gross, asked.address.clone());
    let (quote, rounding) = quote_lines(&app, caller.tenant, asked).await?;
    Ok(Reply::ok(QuoteDocument::new(quote, rounding, &occasion, gross, address, explain)))
}

/// The document asked for, its gaps filled from the channel.
fn asked(input: QuoteInput, channel: Option<&Channel>, now: Timestamp, explain: bool) -> Result<Asked, Fault> {
    if input.lines.is_empty() || LINES_MAX < input.lines.len() {
        return Err(Fault::invalid("/lines", "length", "Ask for 1 to 200 lines."));
    }
    let needed = |field: &str| {
        let detail = format!("There is no channel to take `{field}` from: name it.");
        Fault::invalid(format!("/{field}"), "required", detail)
    };
    let currency = input.currency.or(channel.map(|channel| channel.currency)).ok_or_else(|| needed("currency"))?;
    let gross = input.gross.or(channel.map(|channel| channel.gross)).ok_or_else(|| needed("gross"))?;
    let address = match input.ship_to {
        Some(ShipTo { country, region, postal_code }) => Address { country, region, postal_code },
        None => Address::of_country(channel.map(|channel| channel.country.clone()).ok_or_else(|| needed("ship_to"))?),
    };
    let mut lines = Vec::with_capacity(input.lines.len());
    for (at, line) in input.lines.into_iter().enumerate() {
        let id = line.id.unwrap_or_else(|| (at + 1).to_string());
        if id.is_empty() || 64 < id.chars().count() {
            return Err(Fault::invalid(format!("/lines/{at}/id"), "length", "A line's id has 1 to 64 characters."));
        }
        lines.push(AskedLine { id, variant_id: line.variant_id, class_id: line.tax_class_id, quantity: line.quantity.get() });
    }
    let delivery = input.delivery.map(|charge| delivery(&charge, currency)).transpose()?;
    let occasion = Occasion { currency, channel_id: channel.map(|channel| channel.id), now };
    Ok(Asked { occasion, gross, address, lines, delivery, explain })
}

fn delivery(charge: &DeliveryInput, currency: Currency) -> Result<Delivery, Fault> {
    if charge.price.currency() != currency {
        let detail = format!("The quote is in {currency}; currencies are never mixed.");
        return Err(Fault::new(Code::Unprocessable, "currency_mismatch", detail.clone()).at(
            "/delivery/price/currency",
            "currency_mismatch",
            detail,
        ));
    }
    if !(0..=AMOUNT_MAX).contains(&charge.price.amount()) {
        return Err(Fault::invalid("/delivery/price/amount", "out_of_range", "A charge is from 0 to 1000000000000 minor units."));
    }
    Ok(Delivery { amount: charge.price.amount(), class_id: charge.tax_class_id })
}
