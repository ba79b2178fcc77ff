//! An order to test rules with.

use bloom_kernel::{Currency, LocationId, Metadata, Money, OrderLineId, PriceBasis, Quantity, Timestamp};
use uuid::Uuid;

use crate::order::model::{Allocation, FulfilmentStatus, Order, OrderLine, OrderPayment, OrderPaymentStatus, OrderStatus};

/// A number of units.
pub(super) fn units(quantity: i64) -> Quantity {
    Quantity::new(quantity).unwrap()
}

pub(super) fn inr(amount: i64) -> Money {
    Money::new(amount, Currency::parse("INR").unwrap())
}

pub(super) fn at(second: i64) -> Timestamp {
    Timestamp::from_timestamp(1_767_603_600 + second, 0).unwrap()
}

/// An order of units that cost `total`, all authorised, allocated at two locations.
#[expect(clippy::too_many_lines, reason = "one literal")]
pub(super) fn order(units: i64, total: i64) -> Order {
    let id = OrderLineId::from_uuid(Uuid::from_u128(1));
    let near = units / 2;
    let mut order = Order {
        id: Uuid::from_u128(2).into(),
        number: "1001".to_owned(),
        status: OrderStatus::Placed,
        payment_status: OrderPaymentStatus::None,
        fulfilment_status: FulfilmentStatus::Unfulfilled,
        channel_id: Uuid::from_u128(3).into(),
        currency: Currency::parse("INR").unwrap(),
        price_basis: PriceBasis::Gross,
        cart_id: Uuid::from_u128(4).into(),
        checkout_id: Uuid::from_u128(5).into(),
        subject_id: Uuid::from_u128(6).into(),
        email: None,
        shipping_address: None,
        billing_address: None,
        lines: vec![OrderLine {
            id,
            variant_id: Uuid::from_u128(7).into(),
            product_id: Uuid::from_u128(8).into(),
            sku: "SKU".to_owned(),
            title: "Thing".to_owned(),
            variant_title: String::new(),
            quantity: units,
            unit_price: inr(total / units),
            subtotal: inr(total),
            net: inr(total),
            tax: inr(0),
            total: inr(total),
            taxes: Vec::new(),
            requires_shipping: true,
            allocations: [(9, near), (10, units - near)]
                .into_iter()
                .filter(|(_, quantity)| 0 < *quantity)
                .map(|(location, quantity)| Allocation {
                    location_id: LocationId::from_uuid(Uuid::from_u128(location)),
                    quantity,
                    backordered: 0,
                })
                .collect(),
            refunded_quantity: 0,
            refunded: inr(0),
        }],
        delivery: None,
        subtotal: inr(total),
        delivery_total: inr(0),
        tax_total: inr(0),
        total: inr(total),
        taxes: Vec::new(),
        payment: Some(OrderPayment {
            id: Uuid::from_u128(11).into(),
            authorised: inr(total),
            captured: inr(0),
            refunded: inr(0),
            voided: inr(0),
            version: 1,
        }),
        fulfilments: Vec::new(),
        refunds: Vec::new(),
        cancel_reason: None,
        metadata: Metadata::default(),
        version: 1,
        placed_at: at(0),
        confirmed_at: None,
        completed_at: None,
        canceled_at: None,
        expired_at: None,
        updated_at: at(0),
    };
    order.derive(at(0));
    order
}
