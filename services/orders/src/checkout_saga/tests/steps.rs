//! The step table of the saga: every step runs twice, fails before and after, and its process crashes before and after.

use crate::checkout_saga::fault_injection::{FaultKind, FaultPoint, Moment};
use crate::checkout_saga::{STEPS, Step};
use crate::tests::{Fixture, Guest};

const fn point(step: Step, moment: Moment, kind: FaultKind) -> FaultPoint {
    FaultPoint { step, moment, kind }
}

impl Fixture {
    async fn assert_bought(&self, guest: &Guest, key: &str, what: &str) {
        let answer = self.answer_of(guest, key, "tok_success").await;
        assert_eq!(answer.status, 201, "{what}: {answer:?}");
        assert_eq!(self.faults.left(), 0, "{what}: the fault has not happened");
        self.run_timers().await;
        assert_eq!(self.read_cart(guest).await["status"], "completed", "{what}");
    }

    async fn assert_undone(&self, guest: &Guest, what: &str) {
        assert_eq!(self.faults.left(), 0, "{what}: the fault has not happened");
        self.run_timers().await;
        assert_eq!(self.read_cart(guest).await["status"], "open", "{what}");
        let authorised = self.all_payments().await.iter().filter(|payment| payment["status"] == "authorised").count();
        assert_eq!(authorised, self.all_orders().await.len(), "{what}: money is still authorised");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_step_may_run_twice() {
    let fixture = Fixture::open().await;
    for step in STEPS {
        for moment in [Moment::Before, Moment::After] {
            let guest = fixture.cart(1).await;
            fixture.faults.set([point(step, moment, FaultKind::Repeat)]);
            let what = format!("{step:?} twice, {moment:?}");
            fixture.assert_bought(&guest, &guest.cart, &what).await;
        }
    }
    assert_sums(&fixture, 12).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_step_survives_an_unreachable_service() {
    let fixture = Fixture::open().await;
    for step in STEPS {
        for moment in [Moment::Before, Moment::After] {
            let guest = fixture.cart(1).await;
            fixture.faults.set([point(step, moment, FaultKind::Unreachable)]);
            let what = format!("away at {step:?}, {moment:?}");
            fixture.assert_bought(&guest, &guest.cart, &what).await;
        }
    }
    assert_sums(&fixture, 12).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_step_survives_a_crash() {
    let fixture = Fixture::open().await;
    for step in STEPS {
        for moment in [Moment::Before, Moment::After] {
            let guest = fixture.cart(1).await;
            fixture.faults.set([point(step, moment, FaultKind::Crash)]);
            let what = format!("dies at {step:?}, {moment:?}");
            let crashed = fixture.checkout(&guest, &guest.cart, "tok_success").send().await;
            assert_eq!(crashed.status, 503, "{what}: {crashed:?}");
            fixture.assert_bought(&guest, &guest.cart, &what).await;
        }
    }
    assert_sums(&fixture, 12).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_step_may_be_refused() {
    let fixture = Fixture::open().await;
    let mut placed = 0;
    for step in STEPS {
        for moment in [Moment::Before, Moment::After] {
            let guest = fixture.cart(1).await;
            fixture.faults.set([point(step, moment, FaultKind::Refusal)]);
            let what = format!("{step:?} refused, {moment:?}");
            let answer = fixture.checkout(&guest, &guest.cart, "tok_success").send().await;
            let stands = step.is_past_placing() || step == Step::PlaceOrder && moment == Moment::After;
            if stands {
                assert_eq!(answer.status, 201, "{what}: {answer:?}");
                fixture.assert_bought(&guest, &guest.cart, &what).await;
                placed += 1;
            } else {
                assert_eq!((answer.status, answer.code()), (409, "refused_by_test"), "{what}");
                fixture.assert_undone(&guest, &what).await;
                fixture.checkout(&guest, &format!("again {}", guest.cart), "tok_success").send().await.expect(201);
                placed += 1;
            }
        }
    }
    fixture.run_timers().await;
    assert_sums(&fixture, placed).await;
}

/// The reply of the first attempt is lost, after it has taken effect.
#[tokio::test(flavor = "multi_thread")]
async fn a_step_may_be_refused_after_a_lost_reply() {
    let fixture = Fixture::open().await;
    for step in [Step::FreezeCart, Step::HoldStock, Step::AuthorisePayment] {
        let guest = fixture.cart(1).await;
        fixture.faults.set([point(step, Moment::After, FaultKind::Unreachable), point(step, Moment::Before, FaultKind::Refusal)]);
        let answer = fixture.checkout(&guest, &guest.cart, "tok_success").send().await;
        assert_eq!((answer.status, answer.code()), (409, "refused_by_test"), "{step:?}");
        fixture.assert_undone(&guest, &format!("{step:?}")).await;
    }
    assert_sums(&fixture, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_undo_may_repeat_and_crash() {
    let fixture = Fixture::open().await;
    for step in [Step::AuthorisePayment, Step::HoldStock, Step::FreezeCart] {
        for moment in [Moment::BeforeUndo, Moment::AfterUndo] {
            for kind in [FaultKind::Repeat, FaultKind::Crash] {
                let guest = fixture.cart(1).await;
                let refused = point(Step::PlaceOrder, Moment::Before, FaultKind::Refusal);
                fixture.faults.set([refused, point(step, moment, kind)]);
                let what = format!("{step:?} undone, {moment:?}, {kind:?}");
                let answer = fixture.checkout(&guest, &guest.cart, "tok_success").send().await;
                assert_eq!((answer.status, answer.code()), (409, "refused_by_test"), "{what}");
                fixture.assert_undone(&guest, &what).await;
            }
        }
    }
    assert_sums(&fixture, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkout_fails_at_its_deadline() {
    let fixture = Fixture::open().await;
    let guest = fixture.cart(1).await;
    // It crashes each time that it is resumed, until its deadline.
    let crashes = std::iter::repeat_n(point(Step::PlaceOrder, Moment::Before, FaultKind::Crash), 40);
    fixture.faults.set(crashes);
    fixture.checkout(&guest, "k1", "tok_success").send().await.expect(503);
    let mut seconds = 0;
    while fixture.read_cart(&guest).await["status"] != "open" {
        assert!(seconds < 50, "not failed within 30 s of its deadline");
        fixture.env.clock.advance(chrono::TimeDelta::seconds(1));
        // Real time: the saga is resumed beside the test, once for each second of its clock.
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        seconds += 1;
    }
    fixture.faults.set([]);
    let answer = fixture.answer_of(&guest, "k1", "tok_success").await;
    assert_eq!((answer.status, answer.code()), (409, "checkout_expired"), "never placed meanwhile");
    fixture.assert_undone(&guest, "at the deadline").await;
    assert_sums(&fixture, 0).await;
}

async fn assert_sums(fixture: &Fixture, orders: usize) {
    fixture.drain().await;
    let found = fixture.all_orders().await;
    assert_eq!(found.len(), orders);
    let units = i64::try_from(orders).unwrap();
    assert_eq!(fixture.levels(&fixture.shirt).await, (1_000, units, 0), "each order has its unit, and nothing is held");
    let authorised = fixture.all_payments().await.iter().filter(|payment| payment["status"] == "authorised").count();
    assert_eq!(authorised, orders, "one authorisation for each order");
    assert_eq!(fixture.breaches().await, Vec::<String>::new());
}
