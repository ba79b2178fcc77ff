//! Rules that depend on values only.

use bloom_kernel::{CartLineId, Currency, Email, PriceBasis, Quantity, VariantId};
use proptest::prelude::*;
use uuid::Uuid;

use super::super::model::{Cart, CartLine, CartLineCreate, CartStatus};

#[test]
fn valid_emails_are_accepted() {
    for email in ["a@b", "asha.rao+shop@mail.example.co.in", "ಆಶಾ@example.com"] {
        assert!(Email::new(email).is_ok(), "{email}");
    }
}

proptest! {
    #[test]
    fn a_line_never_has_more_units_than_allowed(quantities in prop::collection::vec(1..=Quantity::MAX, 1..8)) {
        let currency = Currency::parse("INR").unwrap();
        let variant = VariantId::from_uuid(Uuid::from_u128(1));
        let line = CartLine::new(CartLineId::from_uuid(Uuid::from_u128(2)), variant, Quantity::default(), currency);
        let mut cart = cart_of(vec![line]);
        let mut expected = 1;
        for quantity in quantities {
            let item = CartLineCreate { variant_id: variant, quantity: Quantity::new(quantity).unwrap() };
            let added = cart.add(&[item], || unreachable!("the variant has a line"));
            let allowed = expected + quantity <= Quantity::MAX;
            prop_assert_eq!(added.is_ok(), allowed);
            if allowed {
                expected += quantity;
            }
            prop_assert_eq!(cart.lines[0].quantity.get(), expected);
        }
    }
}

fn cart_of(lines: Vec<CartLine>) -> Cart {
    let currency = Currency::parse("INR").unwrap();
    let zero = bloom_kernel::Money::zero(currency);
    let now = bloom_kernel::Timestamp::from_timestamp(1_767_603_600, 0).unwrap();
    Cart {
        id: Uuid::from_u128(3).into(),
        token: None,
        status: CartStatus::Open,
        channel_id: Uuid::from_u128(4).into(),
        currency,
        price_basis: PriceBasis::Gross,
        subject_id: Uuid::from_u128(5).into(),
        email: None,
        shipping_address: None,
        billing_address: None,
        lines,
        delivery_option_id: None,
        delivery: None,
        subtotal: zero,
        delivery_total: zero,
        tax_total: zero,
        total: zero,
        taxes: Vec::new(),
        problems: None,
        checkout_id: None,
        order_id: None,
        metadata: bloom_kernel::Metadata::default(),
        version: 1,
        created_at: now,
        updated_at: now,
    }
}
