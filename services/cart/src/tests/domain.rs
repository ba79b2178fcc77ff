//! Pure decisions.

use bloom_kernel::{CartLineId, Currency, VariantId};
use proptest::prelude::*;
use uuid::Uuid;

use crate::domain::address::check_email;
use crate::domain::cart::{Line, QUANTITY_MAX};
use crate::domain::delivery::{Charge, WeightStep};

#[test]
fn addresses_that_people_have_are_accepted() {
    for email in ["a@b", "asha.rao+shop@mail.example.co.in", "ಆಶಾ@example.com"] {
        check_email(email).unwrap();
    }
}

proptest! {
    #[test]
    fn a_heavier_parcel_is_never_served_by_a_lower_step(
        mut bounds in prop::collection::btree_set(1_i64..100_000, 1..20),
        grams in 0_i64..120_000,
    ) {
        let steps: Vec<_> = std::mem::take(&mut bounds)
            .into_iter()
            .enumerate()
            .map(|(index, up_to_grams)| WeightStep { up_to_grams, amount: i64::try_from(index).unwrap() })
            .collect();
        let table = Charge::Weight { steps: steps.clone() };
        table.check().unwrap();
        let expected = steps.iter().filter(|step| grams <= step.up_to_grams).map(|step| step.amount).min();
        prop_assert_eq!(table.amount(grams), expected);
    }

    #[test]
    fn a_line_never_holds_more_units_than_it_may(quantities in prop::collection::vec(-5_i64..=QUANTITY_MAX + 5, 1..8)) {
        let currency = Currency::parse("INR").unwrap();
        let variant = VariantId::from_uuid(Uuid::from_u128(1));
        let mut lines = vec![Line::new(CartLineId::from_uuid(Uuid::from_u128(2)), variant, 1, currency)];
        let mut expected = 1;
        for quantity in quantities {
            let item = crate::domain::cart::LineInput { variant_id: variant, quantity };
            let mut cart = crate::tests::domain::cart_of(std::mem::take(&mut lines));
            let added = cart.add(std::slice::from_ref(&item), || unreachable!("the variant has a line"));
            let legal = (1..=QUANTITY_MAX).contains(&quantity) && expected + quantity <= QUANTITY_MAX;
            prop_assert_eq!(added.is_ok(), legal);
            if legal {
                expected += quantity;
            }
            prop_assert_eq!(cart.lines[0].quantity, expected);
            lines = cart.lines;
        }
    }
}

fn cart_of(lines: Vec<Line>) -> crate::domain::cart::Cart {
    let currency = Currency::parse("INR").unwrap();
    let zero = bloom_kernel::Money::zero(currency);
    let now = bloom_kernel::Timestamp::from_timestamp(1_767_603_600, 0).unwrap();
    crate::domain::cart::Cart {
        id: Uuid::from_u128(3).into(),
        token: None,
        status: crate::domain::cart::Status::Open,
        channel_id: Uuid::from_u128(4).into(),
        currency,
        price_basis: crate::domain::cart::PriceBasis::Gross,
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
