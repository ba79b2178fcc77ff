//! Applies the replies of catalog, pricing and inventory to a cart, and finds the resulting problems.

use bloom_kernel::{Money, VariantId};

use super::model::{Cart, CartDelivery};
use super::problem::{CartProblem, CartProblemCode};
use crate::clients::{CatalogAnswer, Quote};
use crate::delivery_option::DeliveryOption;

/// Applies the reply of catalog; the channel may have changed since the cart was created.
pub(super) fn apply_catalog(cart: &mut Cart, answer: &CatalogAnswer) {
    cart.channel_id = answer.channel.id;
    cart.currency = answer.channel.currency;
    cart.price_basis = answer.channel.basis;
    for line in &mut cart.lines {
        if let Some(sellable) = answer.sellables.get(&line.variant_id) {
            line.product_id = sellable.product_id;
            line.sku.clone_from(&sellable.sku);
            line.title.clone_from(&sellable.title);
            line.variant_title.clone_from(&sellable.variant_title);
            line.requires_shipping = sellable.requires_shipping;
            line.weight_grams = sellable.weight_grams;
        }
    }
}

/// The charge of the chosen delivery option, before tax; none while none is chosen. Fails when the chosen one does not serve.
pub(super) fn delivery_charge(cart: &Cart, option: Option<&DeliveryOption>) -> Result<Option<i64>, CartProblem> {
    let pointer = "/delivery_option_id";
    let Some(option) = option else {
        if cart.requires_shipping() {
            let message = "Choose a delivery option.";
            return Err(CartProblem::new(CartProblemCode::DeliveryOptionMissing, pointer, message));
        }
        return Ok(None);
    };
    let charge = option.charge_for(&cart.parcel());
    charge.map(Some).map_err(|why| CartProblem::new(CartProblemCode::DeliveryOptionUnavailable, pointer, why))
}

/// Applies prices and totals.
pub(super) fn apply_quote(cart: &mut Cart, quote: &Quote, option: Option<&DeliveryOption>) {
    let currency = cart.currency;
    let money = |amount: i64| Money::new(amount, currency);
    for line in &mut cart.lines {
        let priced = quote.lines.get(&line.id);
        line.unit_price = priced.map(|priced| money(priced.unit));
        line.subtotal = money(priced.map_or(0, |priced| priced.subtotal));
        line.net = money(priced.map_or(0, |priced| priced.net));
        line.tax = money(priced.map_or(0, |priced| priced.tax));
        line.total = money(priced.map_or(0, |priced| priced.total));
        line.taxes = priced.map(|priced| priced.taxes.clone()).unwrap_or_default();
    }
    cart.delivery = option.zip(quote.delivery.as_ref()).map(|(option, priced)| CartDelivery {
        option_id: option.id,
        name: option.name.clone(),
        price: money(priced.subtotal),
        net: money(priced.net),
        tax: money(priced.tax),
        total: money(priced.total),
    });
    cart.subtotal = money(quote.subtotal);
    cart.delivery_total = money(quote.delivery_total);
    cart.tax_total = money(quote.tax_total);
    cart.total = money(quote.total);
    cart.taxes.clone_from(&quote.taxes);
}

/// What is missing in the cart, and lines that are not on sale or have no price.
pub(super) fn content_problems(cart: &Cart, answer: &CatalogAnswer) -> Vec<CartProblem> {
    let mut problems = Vec::new();
    if cart.lines.is_empty() {
        problems.push(CartProblem::new(CartProblemCode::CartEmpty, "/lines", "The cart has no lines."));
    }
    for (index, line) in cart.lines.iter().enumerate() {
        let published = answer.sellables.get(&line.variant_id).is_some_and(|sellable| sellable.published);
        if !published {
            let message = "This is not on sale here at the moment.";
            problems.push(CartProblem::of_line(CartProblemCode::NotPublished, index, line.id, message));
        } else if line.unit_price.is_none() {
            let message = format!("There is no price in {} for this.", cart.currency);
            problems.push(CartProblem::of_line(CartProblemCode::NotPriced, index, line.id, message));
        }
    }
    if cart.requires_shipping() && cart.shipping_address.is_none() {
        let message = "Give the shipping address.";
        problems.push(CartProblem::new(CartProblemCode::AddressMissing, "/shipping_address", message));
    }
    if cart.email.is_none() {
        problems.push(CartProblem::new(CartProblemCode::EmailMissing, "/email", "Give an e-mail address for the confirmation."));
    }
    problems
}

/// Lines with more units than can be sold. `sellable` returns the units of each variant whose stock is tracked.
pub(super) fn stock_problems(cart: &Cart, sellable: impl Fn(VariantId) -> Option<i64>) -> Vec<CartProblem> {
    let mut problems = Vec::new();
    for (index, line) in cart.lines.iter().enumerate() {
        let units = sellable(line.variant_id).unwrap_or(0).max(0);
        if units < line.quantity.get() {
            let message = format!("{units} units can be sold; the line has {}.", line.quantity);
            problems.push(CartProblem::of_line(CartProblemCode::InsufficientStock, index, line.id, message).available(units));
        }
    }
    problems
}

/// Lines of the same quantity whose price differs from the one in the cart before.
pub(super) fn price_problems(before: &Cart, after: &Cart) -> Vec<CartProblem> {
    let mut problems = Vec::new();
    for (index, line) in after.lines.iter().enumerate() {
        let shown = before.lines.iter().find(|shown| shown.id == line.id && shown.quantity == line.quantity);
        let Some(old) = shown.and_then(|shown| shown.unit_price) else { continue };
        if line.unit_price.is_some_and(|new| new != old) {
            let message = "The price has changed since the cart was last written.";
            let problem = CartProblem::of_line(CartProblemCode::PriceChanged, index, line.id, message);
            problems.push(problem.prices(old, line.unit_price));
        }
    }
    problems
}

/// A total that differs from the one in the cart before, for a reason such as a tax or a charge; for a cart that is not being
/// changed.
pub(super) fn total_problem(before: &Cart, after: &Cart) -> Option<CartProblem> {
    if before.total == after.total {
        return None;
    }
    let message = "The total has changed since the cart was last written.";
    let problem = CartProblem::new(CartProblemCode::PriceChanged, "/total", message);
    Some(problem.prices(before.total, Some(after.total)))
}
