//! Pure decisions, and the order's states against a model.

use bloom_fault::Fault;
use bloom_kernel::{Currency, FulfilmentId, LocationId, Metadata, Money, OrderLineId, RefundId, Timestamp};
use proptest::prelude::*;
use uuid::Uuid;

use crate::domain::fulfilment::{FulfilmentState, LineQuantity};
use crate::domain::order::{Allocation, Order, OrderLine, OrderPayment, PriceBasis};
use crate::domain::refund::{RefundState, Wanted, share};
use crate::domain::status::{FulfilmentStatus, PaymentStatus, Status};

fn inr(amount: i64) -> Money {
    Money::new(amount, Currency::parse("INR").unwrap())
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_timestamp(1_767_603_600 + second, 0).unwrap()
}

/// An order of so many units for so much, all promised, its units at two locations.
#[expect(clippy::too_many_lines, reason = "one literal")]
fn order(units: i64, total: i64) -> Order {
    let id = OrderLineId::from_uuid(Uuid::from_u128(1));
    let near = units / 2;
    let mut order = Order {
        id: Uuid::from_u128(2).into(),
        number: "1001".to_owned(),
        status: Status::Placed,
        payment_status: PaymentStatus::None,
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

#[test]
fn shares_round_half_up() {
    assert_eq!((share(999, 1, 3), share(1000, 1, 3), share(1000, 2, 3), share(1, 1, 2)), (333, 333, 667, 1));
    assert_eq!((share(i64::MAX, 1, 1), share(5, 1, 0)), (i64::MAX, 0));
}

#[test]
fn the_payment_status_follows_from_the_amounts() {
    let status = |authorised, captured, refunded, voided| {
        let mut order = order(1, 100);
        let known = order.payment.clone().unwrap();
        let (authorised, captured, refunded, voided) = (inr(authorised), inr(captured), inr(refunded), inr(voided));
        order.apply_payment(&OrderPayment { authorised, captured, refunded, voided, version: 2, ..known });
        order.derive(at(1));
        order.payment_status
    };
    assert_eq!(status(0, 0, 0, 0), PaymentStatus::None);
    assert_eq!(status(100, 0, 0, 0), PaymentStatus::Authorised);
    assert_eq!(status(100, 0, 0, 100), PaymentStatus::Voided);
    assert_eq!(status(100, 40, 0, 0), PaymentStatus::PartiallyPaid);
    assert_eq!(status(100, 100, 0, 0), PaymentStatus::Paid);
    assert_eq!(status(120, 120, 0, 0), PaymentStatus::Overcharged);
    assert_eq!(status(100, 100, 1, 0), PaymentStatus::PartiallyRefunded);
    assert_eq!(status(100, 60, 60, 40), PaymentStatus::Refunded);
}

#[test]
fn older_news_of_a_payment_change_nothing() {
    let mut order = order(1, 100);
    let known = order.payment.clone().unwrap();
    let told = |version, captured| OrderPayment { captured: inr(captured), version, ..known.clone() };
    assert_eq!(order.apply_payment(&told(1, 100)), None, "the same version");
    assert_eq!(order.apply_payment(&told(2, 0)), None, "nothing new");
    assert_eq!(order.apply_payment(&told(3, 100)), Some(("captured", inr(100))));
    assert_eq!(order.apply_payment(&told(2, 0)), None);
    assert_eq!(order.apply_payment(&OrderPayment { id: Uuid::from_u128(99).into(), ..told(9, 50) }), None);
}

#[test]
fn an_order_as_placed_does_not_show_what_came_later() {
    let placed = order(2, 200);
    let mut later = placed.clone();
    later.pack(FulfilmentId::from_uuid(Uuid::from_u128(1)), &[], None, at(1)).unwrap();
    later.payment.as_mut().unwrap().captured = inr(200);
    let units = Wanted::Lines(vec![LineQuantity { line_id: later.lines[0].id, quantity: 1 }]);
    later.refund(RefundId::from_uuid(Uuid::from_u128(2)), &units, None, at(2)).unwrap();
    assert_eq!((later.lines[0].refunded_quantity, later.lines[0].refunded), (1, inr(100)));
    later.metadata = Metadata::new([("note".to_owned(), "for us".to_owned())].into()).unwrap();
    later.version = 9;
    later.derive(at(3));
    assert_eq!(later.as_placed(true), placed.as_placed(true));
}

#[test]
fn a_parcel_that_stock_has_not_answered_for_is_worth_nothing_yet() {
    let mut order = order(4, 400);
    let parcels = [FulfilmentId::from_uuid(Uuid::from_u128(20)), FulfilmentId::from_uuid(Uuid::from_u128(21))];
    for (parcel, quantity) in parcels.into_iter().zip([1, 3]) {
        order.pack(parcel, &[LineQuantity { line_id: order.lines[0].id, quantity }], None, at(1)).unwrap();
        order.ship(parcel, None, at(2)).unwrap();
    }
    assert_eq!(order.worth_of_shipped(&[]), inr(400));
    assert_eq!(order.worth_of_shipped(&parcels[1..]), inr(100));
    assert_eq!(order.worth_of_shipped(&parcels), inr(0));
}

#[test]
fn a_refused_shipment_takes_the_completion_back() {
    let mut order = order(1, 100);
    let payment = order.payment.clone().unwrap();
    order.apply_payment(&OrderPayment { captured: inr(100), version: 2, ..payment });
    for (number, with_parcel, left_as) in [(20, false, FulfilmentState::Open), (21, true, FulfilmentState::Canceled)] {
        let parcel = FulfilmentId::from_uuid(Uuid::from_u128(number));
        order.pack(parcel, &[], None, at(1)).unwrap();
        order.ship(parcel, None, at(2)).unwrap();
        order.derive(at(2));
        assert_eq!(order.status, Status::Completed);
        order.unship(parcel, with_parcel, at(3)).unwrap();
        order.derive(at(3));
        assert_eq!((order.status, order.completed_at), (Status::Confirmed, None));
        assert_eq!(order.parcel(parcel).unwrap().status, left_as);
        order.unship(parcel, with_parcel, at(4)).unwrap();
        if left_as == FulfilmentState::Open {
            order.parcel(parcel).unwrap().cancel(at(4)).unwrap();
        }
        assert_eq!(order.unshipped().len(), 1, "its units are free again");
    }
}

#[test]
fn a_line_of_which_nothing_is_left_is_told_so() {
    let mut order = order(2, 200);
    let all = [LineQuantity { line_id: order.lines[0].id, quantity: 2 }];
    order.payment.as_mut().unwrap().captured = inr(200);
    let detail = |refused: Fault| refused.public_detail().to_owned();
    order.refund(Uuid::from_u128(30).into(), &Wanted::Lines(all.to_vec()), None, at(1)).unwrap();
    let refused = order.refund(Uuid::from_u128(31).into(), &Wanted::Lines(all.to_vec()), None, at(1)).map(drop);
    assert_eq!(detail(refused.unwrap_err()), "Nothing is left of this line; leave it out.");
    let here = Some(order.lines[0].allocations[0].location_id);
    let refused = order.pack(Uuid::from_u128(40).into(), &all, here, at(1)).unwrap_err();
    assert_eq!(detail(refused), "Give at most 1; that is what is left of this line at this location.");
    order.pack(Uuid::from_u128(40).into(), &all, None, at(1)).unwrap();
    let refused = order.pack(Uuid::from_u128(41).into(), &all, None, at(1)).unwrap_err();
    assert_eq!(detail(refused), "Nothing is left of this line; leave it out.");
}

#[derive(Debug, Clone)]
enum Act {
    Capture(i64),
    Refund(i64),
    RefundUnits(i64),
    SettleRefund(bool),
    Pack(i64),
    Ship,
    Deliver,
    GiveUp,
    Cancel,
    Void,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        (-3_i64..120).prop_map(Act::Capture),
        (-3_i64..120).prop_map(Act::Refund),
        (-1_i64..5).prop_map(Act::RefundUnits),
        any::<bool>().prop_map(Act::SettleRefund),
        (-1_i64..5).prop_map(Act::Pack),
        Just(Act::Ship),
        Just(Act::Deliver),
        Just(Act::GiveUp),
        Just(Act::Cancel),
        Just(Act::Void),
    ];
    prop::collection::vec(act, 1..40)
}

/// What must hold of any order, whatever was done to it.
fn invariants(order: &Order) {
    let payment = order.payment.as_ref().unwrap();
    let line = &order.lines[0];
    assert!(payment.refunded.amount() <= payment.captured.amount());
    assert!(0 <= order.refundable(), "refunds never exceed what was drawn");
    assert!((0..=line.quantity).contains(&line.refunded_quantity));
    assert!((0..=line.total.amount()).contains(&line.refunded.amount()));
    let packed: i64 = order
        .fulfilments
        .iter()
        .filter(|parcel| parcel.status != FulfilmentState::Canceled)
        .flat_map(|parcel| &parcel.lines)
        .map(|line| line.quantity)
        .sum();
    assert!(packed <= line.quantity, "no unit is in two parcels");
    let free: i64 = order.unshipped().iter().map(|units| units.quantity).sum();
    assert_eq!(free, line.quantity - packed);
    if order.status == Status::Canceled {
        assert!(order.fulfilments.iter().all(|parcel| parcel.status == FulfilmentState::Canceled));
    }
    if order.status == Status::Completed {
        assert!(matches!(order.fulfilment_status, FulfilmentStatus::Fulfilled | FulfilmentStatus::Delivered));
        assert!(order.total.amount() <= payment.captured.amount());
    }
    assert!(order.worth_of_shipped(&[]).amount() <= order.total.amount());
}

fn has_left(order: &Order) -> bool {
    let left = |state| matches!(state, FulfilmentState::Shipped | FulfilmentState::Delivered);
    order.fulfilments.iter().any(|parcel| left(parcel.status))
}

fn apply(order: &mut Order, act: &Act, now: i64) {
    let next = Uuid::from_u128(1_000 + u128::try_from(now).unwrap());
    let payment = order.payment.clone().unwrap();
    let version = payment.version + 1;
    match act {
        Act::Capture(amount) => {
            let left = payment.authorised.amount() - payment.voided.amount() - payment.captured.amount();
            if (1..=left).contains(amount) {
                let captured = inr(payment.captured.amount() + amount);
                order.apply_payment(&OrderPayment { captured, version, ..payment });
            }
        }
        Act::Refund(amount) => {
            let left = order.refundable();
            let refunded = order.refund(next.into(), &Wanted::Amount(inr(*amount)), None, at(now)).is_ok();
            assert_eq!(refunded, (1..=left).contains(amount));
        }
        Act::RefundUnits(quantity) => {
            let wanted = Wanted::Lines(vec![LineQuantity { line_id: order.lines[0].id, quantity: *quantity }]);
            let _ = order.refund(next.into(), &wanted, None, at(now));
        }
        Act::SettleRefund(succeeded) => {
            let pending = order.refunds.iter().find(|refund| refund.status == RefundState::Pending).cloned();
            if let Some(refund) = pending {
                order.settle_refund(refund.id, *succeeded).unwrap();
                order.settle_refund(refund.id, !*succeeded).unwrap();
                if *succeeded {
                    let refunded = inr(payment.refunded.amount() + refund.amount.amount());
                    order.apply_payment(&OrderPayment { refunded, version, ..payment });
                }
            }
        }
        Act::Pack(quantity) => {
            let wanted = [LineQuantity { line_id: order.lines[0].id, quantity: *quantity }];
            let free: i64 = order.unshipped().iter().map(|units| units.quantity).sum();
            let packed = order.pack(next.into(), &wanted, None, at(now)).is_ok();
            let legal = order.status == Status::Confirmed && (order.payment_status != PaymentStatus::Voided || has_left(order));
            assert_eq!(packed, legal && (1..=free).contains(quantity));
        }
        Act::Ship => {
            if let Some(parcel) = order.fulfilments.last().cloned() {
                let has_money = order.payment_status != PaymentStatus::Voided || has_left(order);
                let legal = parcel.status == FulfilmentState::Open && has_money;
                assert_eq!(order.ship(parcel.id, None, at(now)).is_ok(), legal);
            }
        }
        Act::Deliver | Act::GiveUp => {
            for parcel in order.fulfilments.iter_mut().rev().take(1) {
                let before = parcel.status;
                let (done, legal) = match act {
                    Act::Deliver => (parcel.deliver(at(now)).is_ok(), before == FulfilmentState::Shipped),
                    _ => (parcel.cancel(at(now)).is_ok(), before == FulfilmentState::Open),
                };
                assert_eq!(done, legal);
            }
        }
        Act::Cancel => {
            let legal = matches!(order.status, Status::Placed | Status::Confirmed) && !has_left(order);
            assert_eq!(order.cancel(None, at(now)).is_ok(), legal);
        }
        Act::Void => {
            let left = payment.authorised.amount() - payment.captured.amount();
            order.apply_payment(&OrderPayment { voided: inr(left), version, ..payment });
        }
    }
    order.derive(at(now));
}

proptest! {
    #[test]
    fn whatever_is_done_to_an_order_keeps_its_promises(units in 1_i64..5, total in 0_i64..100, acts in acts()) {
        let mut order = order(units, total);
        for (now, act) in acts.iter().enumerate() {
            let before = order.clone();
            apply(&mut order, act, i64::try_from(now).unwrap() + 1);
            invariants(&order);
            prop_assert!(!matches!((before.status, order.status),
                (Status::Canceled | Status::Expired | Status::Completed, later) if later != before.status),
                "an end is an end");
        }
    }

    #[test]
    fn refunds_unit_by_unit_add_up(units in 1_i64..40, total in 1_i64..10_000) {
        let mut order = order(units, total);
        let payment = order.payment.clone().unwrap();
        order.apply_payment(&OrderPayment { captured: inr(total), version: 2, ..payment });
        let mut sum = 0;
        for unit in 0..units {
            let wanted = Wanted::Lines(vec![LineQuantity { line_id: order.lines[0].id, quantity: 1 }]);
            let id = RefundId::from_uuid(Uuid::from_u128(u128::try_from(unit).unwrap()));
            match order.refund(id, &wanted, None, at(1)) {
                Ok(refund) => sum += refund.amount.amount(),
                // A unit that is worth nothing has nothing to give back.
                Err(fault) => prop_assert_eq!(&*fault.errors[0].code, "not_positive"),
            }
        }
        if units <= total {
            prop_assert_eq!(sum, total);
        }
    }
}
