//! Random operations on an order: its invariants hold.

use bloom_kernel::RefundId;
use proptest::prelude::*;
use uuid::Uuid;

use super::sample::{at, inr, order, units};
use crate::order::model::{
    FulfilmentState, FulfilmentStatus, LineQuantity, Order, OrderPayment, OrderStatus, RefundState, RefundWish, share,
};

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
        (1_i64..5).prop_map(Act::RefundUnits),
        any::<bool>().prop_map(Act::SettleRefund),
        (1_i64..5).prop_map(Act::Pack),
        Just(Act::Ship),
        Just(Act::Deliver),
        Just(Act::GiveUp),
        Just(Act::Cancel),
        Just(Act::Void),
    ];
    prop::collection::vec(act, 1..40)
}

/// The invariants of every order.
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
        .filter(|fulfilment| fulfilment.status != FulfilmentState::Canceled)
        .flat_map(|fulfilment| &fulfilment.lines)
        .map(|line| line.quantity)
        .sum();
    assert!(packed <= line.quantity, "no unit is in two fulfilments");
    let free: i64 = order.unpacked_units().iter().map(|units| units.quantity).sum();
    assert_eq!(free, line.quantity - packed);
    if order.status == OrderStatus::Canceled {
        assert!(order.fulfilments.iter().all(|fulfilment| fulfilment.status == FulfilmentState::Canceled));
    }
    if order.status == OrderStatus::Completed {
        assert!(matches!(order.fulfilment_status, FulfilmentStatus::Fulfilled | FulfilmentStatus::Delivered));
        assert!(order.total.amount() <= payment.captured.amount());
    }
    assert!(order.value_of_shipped(&[]).amount() <= order.total.amount());
}

fn shipped(order: &Order) -> i64 {
    let shipped = order.fulfilments.iter().filter(|fulfilment| fulfilment.has_left());
    shipped.flat_map(|fulfilment| &fulfilment.lines).map(|line| line.quantity).sum()
}

/// Whether the money allows a shipment of these units; it does not matter for an order that was shipped in part.
fn may_leave(order: &Order, quantity: i64) -> bool {
    let (payment, line) = (order.payment.as_ref().unwrap(), &order.lines[0]);
    let covered = payment.authorised.amount() - payment.voided.amount();
    let pending: i64 =
        order.refunds.iter().filter(|refund| refund.status == RefundState::Pending).map(|refund| refund.amount.amount()).sum();
    let kept = covered - payment.refunded.amount() - pending;
    let cost = share(line.total.amount(), line.refunded_quantity + quantity, line.quantity).min(order.total.amount());
    order.has_left() || ((0 < kept || order.total.amount() == 0) && cost <= covered)
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
            let refunded = order.refund(next.into(), &RefundWish::Amount(inr(*amount)), None, at(now)).is_ok();
            assert_eq!(refunded, (1..=left).contains(amount));
        }
        Act::RefundUnits(quantity) => {
            let wanted = RefundWish::Lines(vec![LineQuantity { line_id: order.lines[0].id, quantity: units(*quantity) }]);
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
            let wanted = [LineQuantity { line_id: order.lines[0].id, quantity: units(*quantity) }];
            let open: i64 = order.open_units().iter().map(|units| units.quantity).sum();
            let legal = order.status == OrderStatus::Confirmed && (1..=open).contains(quantity) && may_leave(order, *quantity);
            assert_eq!(order.pack(next.into(), &wanted, None, at(now)).is_ok(), legal);
        }
        Act::Ship => {
            if let Some(fulfilment) = order.fulfilments.last().cloned() {
                let quantity = fulfilment.lines.iter().map(|line| line.quantity).sum();
                let legal = fulfilment.status == FulfilmentState::Open
                    && quantity <= order.lines[0].quantity - shipped(order).max(order.lines[0].refunded_quantity)
                    && may_leave(order, quantity);
                assert_eq!(order.ship(fulfilment.id, None, at(now)).is_ok(), legal);
            }
        }
        Act::Deliver | Act::GiveUp => {
            for fulfilment in order.fulfilments.iter_mut().rev().take(1) {
                let before = fulfilment.status;
                let (done, legal) = match act {
                    Act::Deliver => (fulfilment.deliver(at(now)).is_ok(), before == FulfilmentState::Shipped),
                    _ => (fulfilment.cancel(at(now)).is_ok(), before == FulfilmentState::Open),
                };
                assert_eq!(done, legal);
            }
        }
        Act::Cancel => {
            let legal = matches!(order.status, OrderStatus::Placed | OrderStatus::Confirmed) && !order.has_left();
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
    fn random_operations_keep_the_invariants(count in 1_i64..5, total in 0_i64..100, acts in acts()) {
        let mut order = order(count, total);
        for (now, act) in acts.iter().enumerate() {
            let before = order.clone();
            apply(&mut order, act, i64::try_from(now).unwrap() + 1);
            invariants(&order);
            prop_assert!(!matches!((before.status, order.status),
                (OrderStatus::Canceled | OrderStatus::Expired | OrderStatus::Completed, later) if later != before.status),
                "an end is an end");
        }
    }

    #[test]
    fn refunds_unit_by_unit_add_up(count in 1_i64..40, total in 1_i64..10_000) {
        let mut order = order(count, total);
        let payment = order.payment.clone().unwrap();
        order.apply_payment(&OrderPayment { captured: inr(total), version: 2, ..payment });
        let mut sum = 0;
        for unit in 0..count {
            let wanted = RefundWish::Lines(vec![LineQuantity { line_id: order.lines[0].id, quantity: units(1) }]);
            let id = RefundId::from_uuid(Uuid::from_u128(u128::try_from(unit).unwrap()));
            match order.refund(id, &wanted, None, at(1)) {
                Ok(refund) => sum += refund.amount.amount(),
                // A unit that is worth nothing has nothing to give back.
                Err(fault) => prop_assert_eq!(&*fault.errors[0].code, "out_of_range"),
            }
        }
        if count <= total {
            prop_assert_eq!(sum, total);
        }
    }
}
