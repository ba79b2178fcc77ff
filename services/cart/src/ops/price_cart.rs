//! Prices a cart: one call each to the catalogue, to pricing and, where a buyer looks, to stock.

use std::collections::HashMap;

use bloom_contract_catalog::{GetSellablesReply, GetSellablesRequest};
use bloom_contract_inventory::AvailabilityRequest;
use bloom_contract_pricing as pricing;
use bloom_fault::Fault;
use bloom_kernel::{ChannelId, Currency, DeliveryOptionId, Money, TaxClassId, VariantId};
use bloom_runtime::RequestContext;

use crate::CartService;
use crate::domain::cart::{Cart, Line, LineInput, PriceBasis, TaxLine};
use crate::domain::delivery::DeliveryOption;
use crate::domain::pricing::{self as domain, Channel, Facts, Quote, Quoted, Sellable};
use crate::domain::problem::Problem;
use crate::store::cart::Stored;
use crate::store::delivery_option::delivery_option_get;

/// Who wants to know.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// A buyer who has just written the cart: its new prices are what they will see.
    Written,
    /// A buyer who reads the cart: what differs from the prices it shows is a problem.
    Read,
    /// A checkout: as a read, and stock is asked for by the hold that follows.
    Checkout,
}

/// A cart with the prices of now.
pub struct Priced {
    /// The cart.
    pub cart: Cart,
    /// Where its stock comes from.
    pub facts: Facts,
    /// What keeps it from being bought.
    pub problems: Vec<Problem>,
}

/// Prices `cart`. `before` is the same cart as its buyer last saw it, `added` what they have just put in.
pub async fn price_cart(
    app: &CartService,
    call: &RequestContext,
    before: &Stored,
    cart: Cart,
    added: &[LineInput],
    look: Look,
) -> Result<Priced, Fault> {
    let variants = cart.lines.iter().map(|line| line.variant_id);
    let (facts, option) =
        futures::try_join!(facts(app, call, cart.channel_id.to_string(), variants), option_of(app, call, before, &cart))?;
    check_known(&facts, added, &before.cart.lines)?;
    price_with(app, call, facts, option, Some(&before.cart), cart, look).await
}

/// The same when the catalogue was asked already.
pub async fn price_with(
    app: &CartService,
    call: &RequestContext,
    facts: Facts,
    option: Option<DeliveryOption>,
    before: Option<&Cart>,
    mut cart: Cart,
    look: Look,
) -> Result<Priced, Fault> {
    domain::describe(&mut cart, &facts);
    let charge = domain::delivery_charge(&cart, option.as_ref());
    let (quote, sellable) = futures::try_join!(
        quote_of(app, call, &cart, &facts, option.as_ref(), charge.as_ref().ok().copied().flatten()),
        sellable_of(app, call, &cart, &facts, look),
    )?;
    domain::apply(&mut cart, &quote, option.as_ref());
    let mut problems = domain::shortcomings(&cart, &facts);
    problems.extend(charge.err());
    if let Some(sellable) = sellable {
        problems.extend(domain::shortages(&cart, |variant| sellable.get(&variant).copied()));
    }
    if let Some(before) = before {
        problems.extend(domain::price_changes(before, &cart));
        if look != Look::Written && problems.is_empty() {
            problems.extend(domain::total_change(before, &cart));
        }
    }
    Ok(Priced { cart, facts, problems })
}

/// Refuses variants that the catalogue does not know, as any unknown id is refused. One that is not on sale is as unknown,
/// or else its title and price would be told; what the cart has already, its buyer knows.
pub fn check_known(facts: &Facts, added: &[LineInput], lines: &[Line]) -> Result<(), Fault> {
    for (index, item) in added.iter().enumerate() {
        let sellable = facts.sellables.get(&item.variant_id);
        let may_know = |known: &Sellable| known.published || lines.iter().any(|line| line.variant_id == item.variant_id);
        if !sellable.is_some_and(may_know) {
            let message = "There is no such variant.";
            return Err(Fault::not_found("variant").at(format!("/lines/{index}/variant_id"), "not_found", message));
        }
    }
    Ok(())
}

/// What the catalogue says of a channel (empty: the tenant's default) and of variants.
pub async fn facts(
    app: &CartService,
    call: &RequestContext,
    channel_id: String,
    variants: impl Iterator<Item = VariantId>,
) -> Result<Facts, Fault> {
    let request = GetSellablesRequest { channel_id, variant_ids: variants.map(|id| id.to_string()).collect() };
    let reply = app.catalog.clone().get_sellables(app.host.request(call, request)).await?.into_inner();
    read_facts(reply).ok_or_else(|| Fault::internal("the catalogue's answer cannot be read"))
}

fn read_facts(reply: GetSellablesReply) -> Option<Facts> {
    let channel = reply.channel?;
    let channel = Channel {
        id: channel.id.parse().ok()?,
        currency: Currency::parse(&channel.currency).ok()?,
        basis: if channel.gross { PriceBasis::Gross } else { PriceBasis::Net },
        country: channel.country,
        locations: channel.location_ids.iter().map(|id| id.parse().ok()).collect::<Option<_>>()?,
    };
    let sellables = reply.sellables.into_iter().map(|sellable| {
        let id: VariantId = sellable.variant_id.parse().ok()?;
        let tax_class_id = match sellable.tax_class_id.as_str() {
            "" => None,
            class => Some(class.parse().ok()?),
        };
        let sellable = Sellable {
            product_id: sellable.product_id.parse().ok()?,
            sku: sellable.sku,
            title: sellable.title,
            variant_title: sellable.variant_title,
            tax_class_id,
            weight_grams: sellable.weight_grams.max(0),
            published: sellable.published,
            requires_shipping: sellable.requires_shipping,
        };
        Some((id, sellable))
    });
    Some(Facts { channel, sellables: sellables.collect::<Option<HashMap<_, _>>>()? })
}

async fn option_of(
    app: &CartService,
    call: &RequestContext,
    before: &Stored,
    cart: &Cart,
) -> Result<Option<DeliveryOption>, Fault> {
    match cart.delivery_option_id {
        chosen if chosen == before.cart.delivery_option_id => Ok(before.option.clone()),
        Some(id) => option(app, call, id).await.map(Some),
        None => Ok(None),
    }
}

/// A delivery option, refused like any unknown id.
pub async fn option(app: &CartService, call: &RequestContext, id: DeliveryOptionId) -> Result<DeliveryOption, Fault> {
    delivery_option_get(&app.db, call.tenant, id).await?.ok_or_else(|| {
        let message = "There is no such delivery option.";
        Fault::not_found("delivery option").at("/delivery_option_id", "not_found", message)
    })
}

async fn quote_of(
    app: &CartService,
    call: &RequestContext,
    cart: &Cart,
    facts: &Facts,
    option: Option<&DeliveryOption>,
    charge: Option<i64>,
) -> Result<Quote, Fault> {
    if cart.lines.is_empty() && charge.is_none() {
        return Ok(nothing());
    }
    let address = cart.shipping_address.as_ref();
    let lines = cart.lines.iter().filter_map(|line| {
        let sellable = facts.sellables.get(&line.variant_id)?;
        Some(pricing::QuoteLine {
            line_id: line.id.to_string(),
            variant_id: line.variant_id.to_string(),
            tax_class_id: sellable.tax_class_id.map(|id| id.to_string()).unwrap_or_default(),
            quantity: line.quantity,
        })
    });
    let request = pricing::QuoteRequest {
        channel_id: cart.channel_id.to_string(),
        currency: cart.currency.to_string(),
        gross: cart.price_basis == PriceBasis::Gross,
        country: address.map_or_else(|| facts.channel.country.clone(), |address| address.country.clone()),
        region: address.and_then(|address| address.region.clone()).unwrap_or_default(),
        postal_code: address.and_then(|address| address.postal_code.clone()).unwrap_or_default(),
        lines: lines.collect(),
        delivery: charge.map(|amount| pricing::DeliveryLine {
            amount,
            tax_class_id: option.and_then(|option| option.tax_class_id).map(|id| id.to_string()).unwrap_or_default(),
        }),
    };
    let reply = app.pricing.clone().quote(app.host.request(call, request)).await?.into_inner();
    Ok(read_quote(cart, reply))
}

fn read_quote(cart: &Cart, reply: pricing::QuoteReply) -> Quote {
    let money = |amount: i64| Money::new(amount, cart.currency);
    let quoted = |line: pricing::QuotedLine| Quoted {
        unit: line.unit_amount,
        subtotal: line.line_amount,
        net: line.net_amount,
        tax: line.tax_amount,
        total: line.gross_amount,
        taxes: line
            .taxes
            .into_iter()
            .map(|tax| TaxLine {
                name: tax.name,
                rate_ppm: tax.rate_ppm,
                taxable: money(tax.taxable_amount),
                tax: money(tax.tax_amount),
            })
            .collect(),
    };
    let mut lines: HashMap<String, pricing::QuotedLine> =
        reply.lines.into_iter().filter(|line| line.priced).map(|line| (line.line_id.clone(), line)).collect();
    let taxes = reply.taxes.into_iter().map(|tax| TaxLine {
        name: tax.name,
        rate_ppm: tax.rate_ppm,
        taxable: money(tax.taxable_amount),
        tax: money(tax.tax_amount),
    });
    Quote {
        lines: cart.lines.iter().map(|line| lines.remove(&line.id.to_string()).map(quoted)).collect(),
        delivery: reply.delivery.map(quoted),
        subtotal: reply.subtotal,
        delivery_total: reply.delivery_total,
        tax_total: reply.tax_total,
        total: reply.total,
        taxes: taxes.collect(),
    }
}

fn nothing() -> Quote {
    Quote { lines: Vec::new(), delivery: None, subtotal: 0, delivery_total: 0, tax_total: 0, total: 0, taxes: Vec::new() }
}

/// Units that can be sold of each variant; nothing where nobody wants to know.
async fn sellable_of(
    app: &CartService,
    call: &RequestContext,
    cart: &Cart,
    facts: &Facts,
    look: Look,
) -> Result<Option<HashMap<VariantId, i64>>, Fault> {
    if look == Look::Checkout || cart.lines.is_empty() {
        return Ok(None);
    }
    let request = AvailabilityRequest {
        variant_ids: cart.lines.iter().map(|line| line.variant_id.to_string()).collect(),
        location_ids: facts.channel.locations.iter().map(ToString::to_string).collect(),
    };
    let reply = app.inventory.clone().availability(app.host.request(call, request)).await?.into_inner();
    let tracked = reply.variants.into_iter().filter(|variant| variant.tracked);
    Ok(Some(tracked.filter_map(|variant| Some((variant.variant_id.parse().ok()?, variant.sellable))).collect()))
}

/// The channel that a new cart buys in: the call's, else the tenant's default.
pub fn wanted_channel(call: &RequestContext) -> String {
    call.channel.as_ref().map(ChannelId::to_string).unwrap_or_default()
}

/// Refuses a tax class that pricing does not know: a quote of nothing but a free delivery names it.
pub async fn check_tax_class(
    app: &CartService,
    call: &RequestContext,
    currency: Currency,
    class: TaxClassId,
) -> Result<(), Fault> {
    let request = pricing::QuoteRequest {
        currency: currency.to_string(),
        // Antarctica, nobody's country: the class is looked up wherever the goods go.
        country: "AQ".to_owned(),
        delivery: Some(pricing::DeliveryLine { amount: 0, tax_class_id: class.to_string() }),
        ..pricing::QuoteRequest::default()
    };
    app.pricing.clone().quote(app.host.request(call, request)).await?;
    Ok(())
}
