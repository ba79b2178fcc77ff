//! Prices a cart with one call each to catalog and pricing, and one to inventory except for a checkout.

use std::collections::HashMap;

use bloom_contract_pricing::{DeliveryLine, QuoteLine, QuoteRequest};
use bloom_fault::Fault;
use bloom_kernel::{ChannelId, DeliveryOptionId, VariantId, ViolationCode};
use bloom_runtime::RequestContext;

use super::model::{Cart, CartLine, CartLineCreate};
use super::pricing::{
    apply_catalog, apply_quote, content_problems, delivery_charge, price_problems, stock_problems, total_problem,
};
use super::problem::CartProblem;
use super::store::StoredCart;
use crate::Carts;
use crate::clients::{self, CatalogAnswer, Quote, Sellable, available_units, from_catalog};
use crate::delivery_option::{DeliveryOption, delivery_option_get};

/// What a cart is priced for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// A write of the buyer: the reply shows the new prices.
    Write,
    /// A read: a price that differs from the one in the cart is a problem.
    Read,
    /// A checkout: as for a read, but without stock, which the checkout holds afterwards.
    Checkout,
}

/// A cart with the present prices.
pub(super) struct PricedCart {
    pub(super) cart: Cart,
    pub(super) catalog: CatalogAnswer,
    pub(super) problems: Vec<CartProblem>,
}

/// Prices `cart`. `before` is the cart as its buyer last saw it, `added` are the lines to add.
pub(super) async fn price(
    app: &Carts,
    context: &RequestContext,
    before: &StoredCart,
    cart: Cart,
    added: &[CartLineCreate],
    purpose: Purpose,
) -> Result<PricedCart, Fault> {
    let variants = cart.lines.iter().map(|line| line.variant_id);
    let (catalog, option) = futures::try_join!(
        from_catalog(app, context, cart.channel_id.to_string(), variants),
        chosen_option(app, context, before, &cart)
    )?;
    check_known(&catalog, added, &before.cart.lines)?;
    price_with(app, context, catalog, option, Some(&before.cart), cart, purpose).await
}

/// The same, with a reply of catalog that the caller already has.
pub(super) async fn price_with(
    app: &Carts,
    context: &RequestContext,
    catalog: CatalogAnswer,
    option: Option<DeliveryOption>,
    before: Option<&Cart>,
    mut cart: Cart,
    purpose: Purpose,
) -> Result<PricedCart, Fault> {
    apply_catalog(&mut cart, &catalog);
    let charge = delivery_charge(&cart, option.as_ref());
    let (quote, units) = futures::try_join!(
        quote(app, context, &cart, &catalog, option.as_ref(), charge.as_ref().ok().copied().flatten()),
        units(app, context, &cart, &catalog, purpose),
    )?;
    apply_quote(&mut cart, &quote, option.as_ref());
    let mut problems = content_problems(&cart, &catalog);
    problems.extend(charge.err());
    if let Some(units) = units {
        problems.extend(stock_problems(&cart, |variant| units.get(&variant).copied()));
    }
    if let Some(before) = before {
        problems.extend(price_problems(before, &cart));
        if purpose != Purpose::Write && problems.is_empty() {
            problems.extend(total_problem(before, &cart));
        }
    }
    Ok(PricedCart { cart, catalog, problems })
}

/// Refuses variants that catalog does not know. A variant that is not on sale is refused in the same way, because its title
/// and price are not public; one that is in the cart already may be added to.
pub(super) fn check_known(catalog: &CatalogAnswer, added: &[CartLineCreate], lines: &[CartLine]) -> Result<(), Fault> {
    for (index, item) in added.iter().enumerate() {
        let sellable = catalog.sellables.get(&item.variant_id);
        let may_know = |known: &Sellable| known.published || lines.iter().any(|line| line.variant_id == item.variant_id);
        if !sellable.is_some_and(may_know) {
            let message = "There is no such variant.";
            return Err(Fault::not_found("variant").at(format!("/lines/{index}/variant_id"), ViolationCode::Unknown, message));
        }
    }
    Ok(())
}

/// A delivery option, refused like any unknown id.
pub(super) async fn option(app: &Carts, context: &RequestContext, id: DeliveryOptionId) -> Result<DeliveryOption, Fault> {
    delivery_option_get(&app.db, context.tenant, id).await?.ok_or_else(|| {
        let message = "There is no such delivery option.";
        Fault::not_found("delivery option").at("/delivery_option_id", ViolationCode::Unknown, message)
    })
}

/// The channel of a new cart: that of the request, else (empty) the tenant's default.
pub(super) fn requested_channel(context: &RequestContext) -> String {
    context.channel.as_ref().map(ChannelId::to_string).unwrap_or_default()
}

async fn chosen_option(
    app: &Carts,
    context: &RequestContext,
    before: &StoredCart,
    cart: &Cart,
) -> Result<Option<DeliveryOption>, Fault> {
    match cart.delivery_option_id {
        chosen if chosen == before.cart.delivery_option_id => Ok(before.option.clone()),
        Some(id) => option(app, context, id).await.map(Some),
        None => Ok(None),
    }
}

async fn quote(
    app: &Carts,
    context: &RequestContext,
    cart: &Cart,
    catalog: &CatalogAnswer,
    option: Option<&DeliveryOption>,
    charge: Option<i64>,
) -> Result<Quote, Fault> {
    if cart.lines.is_empty() && charge.is_none() {
        return Ok(Quote::default());
    }
    let address = cart.shipping_address.as_ref();
    let lines = cart.lines.iter().filter_map(|line| {
        let sellable = catalog.sellables.get(&line.variant_id)?;
        Some(QuoteLine {
            line_id: line.id.to_string(),
            variant_id: line.variant_id.to_string(),
            tax_class_id: sellable.tax_class_id.map(|id| id.to_string()).unwrap_or_default(),
            quantity: line.quantity.get(),
        })
    });
    let request = QuoteRequest {
        channel_id: cart.channel_id.to_string(),
        currency: cart.currency.to_string(),
        gross: cart.price_basis.is_gross(),
        country: address.map_or_else(|| catalog.channel.country.clone(), |address| address.country.to_string()),
        region: address.and_then(|address| address.region.as_ref().map(ToString::to_string)).unwrap_or_default(),
        postal_code: address.and_then(|address| address.postal_code.as_ref().map(ToString::to_string)).unwrap_or_default(),
        lines: lines.collect(),
        delivery: charge.map(|amount| DeliveryLine {
            amount,
            tax_class_id: option.and_then(|option| option.tax_class_id).map(|id| id.to_string()).unwrap_or_default(),
        }),
    };
    clients::quote(app, context, request, cart.currency).await
}

/// Units that can be sold of each variant; none where they are not needed.
async fn units(
    app: &Carts,
    context: &RequestContext,
    cart: &Cart,
    catalog: &CatalogAnswer,
    purpose: Purpose,
) -> Result<Option<HashMap<VariantId, i64>>, Fault> {
    if purpose == Purpose::Checkout || cart.lines.is_empty() {
        return Ok(None);
    }
    let variants = cart.lines.iter().map(|line| line.variant_id);
    available_units(app, context, variants, &catalog.channel.locations).await.map(Some)
}
