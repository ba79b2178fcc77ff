//! What the catalogue, the price lists and the stock say about a cart, and the problems that follow.

use std::collections::HashMap;

use bloom_kernel::{ChannelId, Currency, LocationId, Money, ProductId, TaxClassId, VariantId};

use super::cart::{Cart, Delivery, PriceBasis, TaxLine};
use super::delivery::DeliveryOption;
use super::problem::{Problem, ProblemCode};

/// The channel as the catalogue knows it now.
#[derive(Debug, Clone)]
pub struct Channel {
    /// Its id.
    pub id: ChannelId,
    /// Currency of its prices.
    pub currency: Currency,
    /// Whether its prices include tax.
    pub basis: PriceBasis,
    /// Country whose tax applies while no address is known.
    pub country: String,
    /// Where its stock comes from, first served first.
    pub locations: Vec<LocationId>,
}

/// A variant as the catalogue knows it now.
#[derive(Debug, Clone)]
pub struct Sellable {
    /// Its product.
    pub product_id: ProductId,
    /// Stock keeping unit.
    pub sku: String,
    /// Title of the product.
    pub title: String,
    /// Option values.
    pub variant_title: String,
    /// How it is taxed; nothing: the tenant's default class.
    pub tax_class_id: Option<TaxClassId>,
    /// Weight of a unit.
    pub weight_grams: i64,
    /// On sale in the channel.
    pub published: bool,
    /// False for what needs no delivery.
    pub requires_shipping: bool,
}

/// Everything that the catalogue says.
#[derive(Debug, Clone)]
pub struct Facts {
    /// Where the cart buys.
    pub channel: Channel,
    /// The variants that exist.
    pub sellables: HashMap<VariantId, Sellable>,
}

/// A price with its tax, in minor units.
#[derive(Debug, Clone)]
pub struct Quoted {
    /// Of a unit.
    pub unit: i64,
    /// Unit × quantity.
    pub subtotal: i64,
    /// Without tax.
    pub net: i64,
    /// The tax.
    pub tax: i64,
    /// With tax.
    pub total: i64,
    /// The tax by rate.
    pub taxes: Vec<TaxLine>,
}

/// Everything that pricing says.
#[derive(Debug, Clone)]
pub struct Quote {
    /// In the order of the cart's lines; nothing where there is no price.
    pub lines: Vec<Option<Quoted>>,
    /// The charge for delivery.
    pub delivery: Option<Quoted>,
    /// Sum of the lines.
    pub subtotal: i64,
    /// Charge for delivery.
    pub delivery_total: i64,
    /// All tax.
    pub tax_total: i64,
    /// What is to be paid.
    pub total: i64,
    /// The tax by rate.
    pub taxes: Vec<TaxLine>,
}

/// Takes over what the catalogue says; the channel may have changed since the cart was made.
pub fn describe(cart: &mut Cart, facts: &Facts) {
    cart.channel_id = facts.channel.id;
    cart.currency = facts.channel.currency;
    cart.price_basis = facts.channel.basis;
    for line in &mut cart.lines {
        if let Some(sellable) = facts.sellables.get(&line.variant_id) {
            line.product_id = sellable.product_id;
            line.sku.clone_from(&sellable.sku);
            line.title.clone_from(&sellable.title);
            line.variant_title.clone_from(&sellable.variant_title);
            line.requires_shipping = sellable.requires_shipping;
            line.weight_grams = sellable.weight_grams;
        }
    }
}

/// The charge of the chosen delivery option, before tax; nothing while none is chosen or the chosen one does not serve.
pub fn delivery_charge(cart: &Cart, option: Option<&DeliveryOption>) -> Result<Option<i64>, Problem> {
    let pointer = "/delivery_option_id";
    let Some(option) = option else {
        if cart.requires_shipping() {
            let message = "Choose a delivery option.";
            return Err(Problem::new(ProblemCode::DeliveryOptionMissing, pointer, message));
        }
        return Ok(None);
    };
    let charge = option.charge_for(&cart.parcel());
    charge.map(Some).map_err(|why| Problem::new(ProblemCode::DeliveryOptionUnavailable, pointer, why))
}

/// Takes over prices and totals.
pub fn apply(cart: &mut Cart, quote: &Quote, option: Option<&DeliveryOption>) {
    let currency = cart.currency;
    let money = |amount: i64| Money::new(amount, currency);
    for (line, quoted) in cart.lines.iter_mut().zip(&quote.lines) {
        line.unit_price = quoted.as_ref().map(|quoted| money(quoted.unit));
        line.subtotal = money(quoted.as_ref().map_or(0, |quoted| quoted.subtotal));
        line.net = money(quoted.as_ref().map_or(0, |quoted| quoted.net));
        line.tax = money(quoted.as_ref().map_or(0, |quoted| quoted.tax));
        line.total = money(quoted.as_ref().map_or(0, |quoted| quoted.total));
        line.taxes = quoted.as_ref().map(|quoted| quoted.taxes.clone()).unwrap_or_default();
    }
    cart.delivery = option.zip(quote.delivery.as_ref()).map(|(option, quoted)| Delivery {
        option_id: option.id,
        name: option.name.clone(),
        price: money(quoted.subtotal),
        net: money(quoted.net),
        tax: money(quoted.tax),
        total: money(quoted.total),
    });
    cart.subtotal = money(quote.subtotal);
    cart.delivery_total = money(quote.delivery_total);
    cart.tax_total = money(quote.tax_total);
    cart.total = money(quote.total);
    cart.taxes.clone_from(&quote.taxes);
}

/// What is missing or cannot be sold.
pub fn shortcomings(cart: &Cart, facts: &Facts) -> Vec<Problem> {
    let mut problems = Vec::new();
    if cart.lines.is_empty() {
        problems.push(Problem::new(ProblemCode::CartEmpty, "/lines", "There is nothing in the cart."));
    }
    for (index, line) in cart.lines.iter().enumerate() {
        let published = facts.sellables.get(&line.variant_id).is_some_and(|sellable| sellable.published);
        if !published {
            let message = "This is not sold here at the moment.";
            problems.push(Problem::of_line(ProblemCode::NotPublished, index, line.id, message));
        } else if line.unit_price.is_none() {
            let message = format!("There is no price in {} for this.", cart.currency);
            problems.push(Problem::of_line(ProblemCode::NotPriced, index, line.id, message));
        }
    }
    if cart.requires_shipping() && cart.shipping_address.is_none() {
        let message = "Say where the goods go.";
        problems.push(Problem::new(ProblemCode::AddressMissing, "/shipping_address", message));
    }
    if cart.email.is_none() {
        problems.push(Problem::new(ProblemCode::EmailMissing, "/email", "Say where the confirmation goes."));
    }
    problems
}

/// Lines that ask for more than can be sold. `sellable` knows the units of each variant that stock is kept of.
pub fn shortages(cart: &Cart, sellable: impl Fn(VariantId) -> Option<i64>) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (index, line) in cart.lines.iter().enumerate() {
        let units = sellable(line.variant_id).unwrap_or(0).max(0);
        if units < line.quantity {
            let message = format!("{units} can be sold, {} are asked for.", line.quantity);
            problems.push(Problem::of_line(ProblemCode::InsufficientStock, index, line.id, message).available(units));
        }
    }
    problems
}

/// Prices that differ from those that the cart showed before, at the same quantity.
pub fn price_changes(before: &Cart, after: &Cart) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (index, line) in after.lines.iter().enumerate() {
        let shown = before.lines.iter().find(|shown| shown.id == line.id && shown.quantity == line.quantity);
        let Some(old) = shown.and_then(|shown| shown.unit_price) else { continue };
        if line.unit_price.is_some_and(|new| new != old) {
            let message = "The price has changed since the cart was last written.";
            let problem = Problem::of_line(ProblemCode::PriceChanged, index, line.id, message);
            problems.push(problem.prices(old, line.unit_price));
        }
    }
    problems
}

/// The same for a cart that nobody edits: what is to be paid may not differ for any reason, such as a tax or a charge.
pub fn total_change(before: &Cart, after: &Cart) -> Option<Problem> {
    if before.total == after.total {
        return None;
    }
    let message = "What is to be paid has changed since the cart was last written.";
    let problem = Problem::new(ProblemCode::PriceChanged, "/total", message);
    Some(problem.prices(before.total, Some(after.total)))
}
