//! Rules of an order, each by example.

use bloom_fault::Fault;
use bloom_kernel::{FulfilmentId, Metadata, RefundId};
use uuid::Uuid;

use super::sample::{at, inr, order, units};
use crate::order::model::{
    FulfilmentState, FulfilmentStatus, LineQuantity, Order, OrderPayment, OrderPaymentStatus, OrderStatus, RefundWish, share,
};

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
    assert_eq!(status(0, 0, 0, 0), OrderPaymentStatus::None);
    assert_eq!(status(100, 0, 0, 0), OrderPaymentStatus::Authorised);
    assert_eq!(status(100, 0, 0, 100), OrderPaymentStatus::Voided);
    assert_eq!(status(100, 40, 0, 0), OrderPaymentStatus::PartiallyPaid);
    assert_eq!(status(100, 100, 0, 0), OrderPaymentStatus::Paid);
    assert_eq!(status(120, 120, 0, 0), OrderPaymentStatus::Overcharged);
    assert_eq!(status(100, 100, 1, 0), OrderPaymentStatus::PartiallyRefunded);
    assert_eq!(status(100, 60, 60, 40), OrderPaymentStatus::Refunded);
}

#[test]
fn older_payment_versions_change_nothing() {
    let mut order = order(1, 100);
    let known = order.payment.clone().unwrap();
    let version = |number, captured| OrderPayment { captured: inr(captured), version: number, ..known.clone() };
    assert_eq!(order.apply_payment(&version(1, 100)), None, "the same version");
    assert_eq!(order.apply_payment(&version(2, 0)), None, "nothing new");
    assert_eq!(order.apply_payment(&version(3, 100)), Some(("captured", inr(100))));
    assert_eq!(order.apply_payment(&version(2, 0)), None);
    assert_eq!(order.apply_payment(&OrderPayment { id: Uuid::from_u128(99).into(), ..version(9, 50) }), None);
}

#[test]
fn an_order_as_placed_omits_later_changes() {
    let placed = order(2, 200);
    let mut later = placed.clone();
    later.pack(FulfilmentId::from_uuid(Uuid::from_u128(1)), &[], None, at(1)).unwrap();
    later.payment.as_mut().unwrap().captured = inr(200);
    let units = RefundWish::Lines(vec![LineQuantity { line_id: later.lines[0].id, quantity: units(1) }]);
    later.refund(RefundId::from_uuid(Uuid::from_u128(2)), &units, None, at(2)).unwrap();
    assert_eq!((later.lines[0].refunded_quantity, later.lines[0].refunded), (1, inr(100)));
    later.metadata = Metadata::new([("note".to_owned(), "for us".to_owned())].into()).unwrap();
    later.version = 9;
    later.derive(at(3));
    assert_eq!(later.as_placed(true), placed.as_placed(true));
}

#[test]
fn unanswered_shipments_have_no_value_yet() {
    let mut order = order(4, 400);
    let fulfilments = [FulfilmentId::from_uuid(Uuid::from_u128(20)), FulfilmentId::from_uuid(Uuid::from_u128(21))];
    for (fulfilment, quantity) in fulfilments.into_iter().zip([1, 3]) {
        order.pack(fulfilment, &[LineQuantity { line_id: order.lines[0].id, quantity: units(quantity) }], None, at(1)).unwrap();
        order.ship(fulfilment, None, at(2)).unwrap();
    }
    assert_eq!(order.value_of_shipped(&[]), inr(400));
    assert_eq!(order.value_of_shipped(&fulfilments[1..]), inr(100));
    assert_eq!(order.value_of_shipped(&fulfilments), inr(0));
}

#[test]
fn a_refused_shipment_reverts_the_completion() {
    let mut order = order(1, 100);
    let payment = order.payment.clone().unwrap();
    order.apply_payment(&OrderPayment { captured: inr(100), version: 2, ..payment });
    for (number, with_fulfilment, left_as) in [(20, false, FulfilmentState::Open), (21, true, FulfilmentState::Canceled)] {
        let fulfilment = FulfilmentId::from_uuid(Uuid::from_u128(number));
        order.pack(fulfilment, &[], None, at(1)).unwrap();
        order.ship(fulfilment, None, at(2)).unwrap();
        order.derive(at(2));
        assert_eq!(order.status, OrderStatus::Completed);
        order.unship(fulfilment, with_fulfilment, at(3)).unwrap();
        order.derive(at(3));
        assert_eq!((order.status, order.completed_at), (OrderStatus::Confirmed, None));
        assert_eq!(order.fulfilment(fulfilment).unwrap().status, left_as);
        order.unship(fulfilment, with_fulfilment, at(4)).unwrap();
        if left_as == FulfilmentState::Open {
            order.fulfilment(fulfilment).unwrap().cancel(at(4)).unwrap();
        }
        assert_eq!(order.unpacked_units().len(), 1, "its units are free again");
    }
}

#[test]
fn refusals_name_what_is_left_of_a_line() {
    let mut order = order(2, 200);
    let all = [LineQuantity { line_id: order.lines[0].id, quantity: units(2) }];
    order.payment.as_mut().unwrap().captured = inr(200);
    let detail = |refused: Fault| refused.public_detail().to_owned();
    order.refund(Uuid::from_u128(30).into(), &RefundWish::Lines(all.to_vec()), None, at(1)).unwrap();
    let refused = order.refund(Uuid::from_u128(31).into(), &RefundWish::Lines(all.to_vec()), None, at(1)).map(drop);
    assert_eq!(detail(refused.unwrap_err()), "Nothing is left of this line; leave it out.");
    let mut order = super::sample::order(2, 200);
    let here = Some(order.lines[0].allocations[0].location_id);
    let refused = order.pack(Uuid::from_u128(40).into(), &all, here, at(1)).unwrap_err();
    assert_eq!(detail(refused), "Give at most 1; that is what is left of this line at this location.");
    order.pack(Uuid::from_u128(40).into(), &all, None, at(1)).unwrap();
    let refused = order.pack(Uuid::from_u128(41).into(), &all, None, at(1)).unwrap_err();
    assert_eq!(detail(refused), "Nothing is left of this line; leave it out.");
}

/// The amounts of a payment version.
fn pay(order: &mut Order, captured: i64, refunded: i64, voided: i64) {
    let known = order.payment.clone().unwrap();
    let (captured, refunded, voided) = (inr(captured), inr(refunded), inr(voided));
    order.apply_payment(&OrderPayment { captured, refunded, voided, version: known.version + 1, ..known });
    order.derive(at(1));
}

fn pack(order: &mut Order, number: u128, quantity: i64) -> Result<FulfilmentId, Fault> {
    let id = FulfilmentId::from_uuid(Uuid::from_u128(number));
    order.pack(id, &[LineQuantity { line_id: order.lines[0].id, quantity: units(quantity) }], None, at(1))?;
    Ok(id)
}

fn reason<T>(refused: Result<T, Fault>) -> String {
    refused.map(drop).unwrap_err().reason.to_string()
}

#[test]
fn nothing_ships_when_the_payment_is_voided_or_refunded() {
    for (captured, refunded, voided) in [(0, 0, 400), (400, 400, 0), (100, 100, 300)] {
        let mut order = order(4, 400);
        let packed = pack(&mut order, 20, 1).unwrap();
        pay(&mut order, captured, refunded, voided);
        assert_eq!(reason(order.ship(packed, None, at(2))), "order_not_fulfillable", "{captured} {refunded} {voided}");
        assert_eq!(reason(pack(&mut order, 21, 1)), "order_not_fulfillable");
    }
}

#[test]
fn a_first_shipment_costs_at_most_what_is_covered() {
    let mut order = order(4, 400);
    let (all, one) = (pack(&mut order, 20, 3).unwrap(), pack(&mut order, 21, 1).unwrap());
    pay(&mut order, 100, 0, 300);
    assert_eq!(reason(order.ship(all, None, at(2))), "order_not_fulfillable");
    order.ship(one, None, at(2)).unwrap();
    // Of an order that was shipped in part the merchant decides: it cannot be canceled any more.
    order.ship(all, None, at(3)).unwrap();
}

#[test]
fn a_price_reduction_does_not_stop_a_shipment() {
    let mut order = order(4, 400);
    pay(&mut order, 400, 0, 0);
    order.refund(RefundId::from_uuid(Uuid::from_u128(30)), &RefundWish::Amount(inr(399)), None, at(1)).unwrap();
    pack(&mut order, 20, 4).unwrap();
    order.refund(RefundId::from_uuid(Uuid::from_u128(31)), &RefundWish::Amount(inr(1)), None, at(1)).unwrap();
    let all = order.fulfilments[0].id;
    assert_eq!(reason(order.ship(all, None, at(2))), "order_not_fulfillable", "a pending refund counts");
    order.settle_refund(RefundId::from_uuid(Uuid::from_u128(31)), false).unwrap();
    order.ship(all, None, at(2)).unwrap();
}

#[test]
fn refunded_units_are_not_shipped() {
    // Three units for 100: a third of it each, rounded.
    let mut order = order(3, 100);
    pay(&mut order, 100, 0, 0);
    let before = pack(&mut order, 20, 3).unwrap();
    let one = RefundWish::Lines(vec![LineQuantity { line_id: order.lines[0].id, quantity: units(1) }]);
    order.refund(RefundId::from_uuid(Uuid::from_u128(30)), &one, None, at(1)).unwrap();
    assert_eq!(reason(order.ship(before, None, at(2))), "order_not_fulfillable");
    order.fulfilment(before).unwrap().cancel(at(2)).unwrap();
    assert_eq!(order.unpacked_units().iter().map(|units| units.quantity).sum::<i64>(), 3, "a cancellation releases all");
    assert_eq!(reason(pack(&mut order, 21, 3)), "quantity_exceeds_left");
    let rest = FulfilmentId::from_uuid(Uuid::from_u128(22));
    order.pack(rest, &[], None, at(2)).unwrap();
    assert_eq!(order.fulfilment(rest).unwrap().lines.iter().map(|line| line.quantity).sum::<i64>(), 2);
    order.ship(rest, None, at(3)).unwrap();
}

#[test]
fn refunded_units_stay_unshipped_after_each_shipment() {
    let mut order = order(3, 300);
    pay(&mut order, 300, 0, 0);
    let two = RefundWish::Lines(vec![LineQuantity { line_id: order.lines[0].id, quantity: units(2) }]);
    let refund = order.refund(RefundId::from_uuid(Uuid::from_u128(30)), &two, None, at(1)).unwrap();
    assert_eq!(refund.lines[0].withdrawn, 2);
    let one = pack(&mut order, 20, 1).unwrap();
    order.ship(one, None, at(2)).unwrap();
    assert_eq!(reason(pack(&mut order, 21, 1)), "quantity_exceeds_left", "the other two are refunded");
    assert_eq!(order.value_of_shipped(&[]), inr(300), "what was captured for the refunded ones is not captured again");
    order.derive(at(3));
    assert_eq!((order.fulfilment_status, order.status), (FulfilmentStatus::Fulfilled, OrderStatus::Completed));
    order.settle_refund(RefundId::from_uuid(Uuid::from_u128(30)), false).unwrap();
    order.derive(at(4));
    assert_eq!((order.fulfilment_status, order.status), (FulfilmentStatus::Partial, OrderStatus::Confirmed));
    let rest = pack(&mut order, 22, 2).unwrap();
    order.ship(rest, None, at(5)).unwrap();
}

#[test]
fn an_order_refunded_before_any_shipment_is_not_fulfilled() {
    let mut order = order(1, 100);
    pay(&mut order, 100, 0, 0);
    let one = RefundWish::Lines(vec![LineQuantity { line_id: order.lines[0].id, quantity: units(1) }]);
    order.refund(RefundId::from_uuid(Uuid::from_u128(30)), &one, None, at(1)).unwrap();
    order.derive(at(2));
    assert_eq!((order.fulfilment_status, order.status), (FulfilmentStatus::Unfulfilled, OrderStatus::Confirmed));
}

#[test]
fn returned_units_do_not_stop_the_others() {
    let mut order = order(3, 300);
    pay(&mut order, 300, 0, 0);
    let first = pack(&mut order, 20, 1).unwrap();
    order.ship(first, None, at(1)).unwrap();
    let one = RefundWish::Lines(vec![LineQuantity { line_id: order.lines[0].id, quantity: units(1) }]);
    order.refund(RefundId::from_uuid(Uuid::from_u128(30)), &one, None, at(2)).unwrap();
    let rest = pack(&mut order, 21, 2).unwrap();
    order.ship(rest, None, at(3)).unwrap();
}
