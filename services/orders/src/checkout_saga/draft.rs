//! Builds the order from a frozen cart, a hold and a payment.

use bloom_contract_cart::{CartSnapshot, SnapshotLine};
use bloom_contract_inventory::{Allocation as Committed, HoldReply};
use bloom_fault::Fault;
use bloom_kernel::{CartLineId, Currency, Metadata, Money, OrderLineId, PriceBasis, TaxLine, Timestamp};

use crate::checkout::CheckoutRecord;
use crate::clients::Payment;
use crate::order::{
    Allocation, FulfilmentStatus, Order, OrderDelivery, OrderLine, OrderPayment, OrderPaymentStatus, OrderStatus,
};

/// The new order of a checkout.
pub fn order_draft(
    checkout: &CheckoutRecord,
    snapshot: &CartSnapshot,
    held: &HoldReply,
    payment: Option<&Payment>,
    number: i64,
    now: Timestamp,
) -> Result<Order, Fault> {
    let currency = Currency::parse(&snapshot.currency)?;
    let money = |amount: i64| Money::new(amount, currency);
    let personal = snapshot.personal_data()?;
    Ok(Order {
        id: checkout.order_id,
        number: number.to_string(),
        status: OrderStatus::Placed,
        payment_status: OrderPaymentStatus::None,
        fulfilment_status: FulfilmentStatus::Unfulfilled,
        channel_id: read(&snapshot.channel_id)?,
        currency,
        price_basis: PriceBasis::of_gross(snapshot.gross),
        cart_id: checkout.cart_id,
        checkout_id: checkout.id,
        subject_id: read(&snapshot.subject_id)?,
        email: personal.email,
        shipping_address: personal.shipping_address,
        billing_address: personal.billing_address,
        lines: snapshot.lines.iter().map(|line| order_line(line, held, currency)).collect::<Result<_, _>>()?,
        delivery: delivery(snapshot, currency)?,
        subtotal: money(snapshot.subtotal),
        delivery_total: money(snapshot.delivery_total),
        tax_total: money(snapshot.tax_total),
        total: money(snapshot.total),
        taxes: taxes(&snapshot.taxes, currency)?,
        payment: payment.map(OrderPayment::from),
        fulfilments: Vec::new(),
        refunds: Vec::new(),
        cancel_reason: None,
        metadata: Metadata::default(),
        version: 1,
        placed_at: now,
        confirmed_at: None,
        completed_at: None,
        canceled_at: None,
        expired_at: None,
        updated_at: now,
    })
}

fn read<T: std::str::FromStr>(id: &str) -> Result<T, Fault> {
    id.parse().map_err(|_| Fault::internal("another service answered with a malformed id"))
}

fn taxes(lines: &[bloom_contract_cart::TaxLine], currency: Currency) -> Result<Vec<TaxLine>, Fault> {
    lines.iter().map(|line| line.read(currency)).collect()
}

/// A line of the order has the UUID of the cart's line, which is also the name of the held line.
fn line_id(cart_line: &str) -> Result<OrderLineId, Fault> {
    Ok(OrderLineId::from_uuid(read::<CartLineId>(cart_line)?.uuid()))
}

pub fn allocations(line: OrderLineId, held: &[Committed]) -> Result<Vec<Allocation>, Fault> {
    let cart_line = CartLineId::from_uuid(line.uuid()).to_string();
    let parts = held.iter().filter(|part| part.line_id == cart_line);
    parts
        .map(|part| {
            let location_id = read(&part.location_id)?;
            Ok(Allocation { location_id, quantity: part.quantity, backordered: part.backordered })
        })
        .collect()
}

fn order_line(line: &SnapshotLine, held: &HoldReply, currency: Currency) -> Result<OrderLine, Fault> {
    let money = |amount: i64| Money::new(amount, currency);
    let id = line_id(&line.line_id)?;
    Ok(OrderLine {
        id,
        variant_id: read(&line.variant_id)?,
        product_id: read(&line.product_id)?,
        sku: line.sku.clone(),
        title: line.title.clone(),
        variant_title: line.variant_title.clone(),
        quantity: line.quantity,
        unit_price: money(line.unit_amount),
        subtotal: money(line.line_amount),
        net: money(line.net_amount),
        tax: money(line.tax_amount),
        total: money(line.gross_amount),
        taxes: taxes(&line.taxes, currency)?,
        requires_shipping: line.requires_shipping,
        allocations: allocations(id, &held.allocations)?,
        refunded_quantity: 0,
        refunded: money(0),
    })
}

fn delivery(snapshot: &CartSnapshot, currency: Currency) -> Result<Option<OrderDelivery>, Fault> {
    let Some(choice) = &snapshot.delivery else { return Ok(None) };
    let money = |amount: i64| Money::new(amount, currency);
    Ok(Some(OrderDelivery {
        option_id: read(&choice.option_id)?,
        name: choice.name.clone(),
        price: money(choice.amount),
        net: money(choice.net_amount),
        tax: money(choice.tax_amount),
        total: money(choice.gross_amount),
    }))
}
