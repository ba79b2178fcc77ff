//! The step table of the purchase: every step runs twice, fails before and after, and its process dies before and after.

use super::stage::{Guest, Stage};
use crate::saga::fault::{FaultPoint, Mishap, Moment};
use crate::saga::{STEPS, Step};

const fn point(step: Step, moment: Moment, mishap: Mishap) -> FaultPoint {
    FaultPoint { step, moment, mishap }
}

impl Stage {
    async fn bought(&self, guest: &Guest, key: &str, what: &str) {
        let answer = self.answer_of(guest, key, "tok_success").await;
        assert_eq!(answer.status, 201, "{what}: {answer:?}");
        assert_eq!(self.faults.left(), 0, "{what}: the fault has not happened");
        self.rest().await;
        assert_eq!(self.read_cart(guest).await["status"], "completed", "{what}");
    }

    async fn undone(&self, guest: &Guest, what: &str) {
        assert_eq!(self.faults.left(), 0, "{what}: the fault has not happened");
        self.rest().await;
        assert_eq!(self.read_cart(guest).await["status"], "open", "{what}");
        let promised = self.all_payments().await.iter().filter(|payment| payment["status"] == "authorised").count();
        assert_eq!(promised, self.all_orders().await.len(), "{what}: money is still promised");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_step_may_run_twice() {
    let stage = Stage::open().await;
    for step in STEPS {
        for moment in [Moment::Before, Moment::After] {
            let guest = stage.cart(1).await;
            stage.faults.set([point(step, moment, Mishap::Repeat)]);
            let what = format!("{step:?} twice, {moment:?}");
            stage.bought(&guest, &guest.cart, &what).await;
        }
    }
    everything_adds_up(&stage, 12).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_neighbour_may_be_away_for_a_moment_at_every_step() {
    let stage = Stage::open().await;
    for step in STEPS {
        for moment in [Moment::Before, Moment::After] {
            let guest = stage.cart(1).await;
            stage.faults.set([point(step, moment, Mishap::Away)]);
            let what = format!("away at {step:?}, {moment:?}");
            stage.bought(&guest, &guest.cart, &what).await;
        }
    }
    everything_adds_up(&stage, 12).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_may_die_around_every_step() {
    let stage = Stage::open().await;
    for step in STEPS {
        for moment in [Moment::Before, Moment::After] {
            let guest = stage.cart(1).await;
            stage.faults.set([point(step, moment, Mishap::Crash)]);
            let what = format!("dies at {step:?}, {moment:?}");
            let dead = stage.checkout(&guest, &guest.cart, "tok_success").send().await;
            assert_eq!(dead.status, 503, "{what}: {dead:?}");
            stage.bought(&guest, &guest.cart, &what).await;
        }
    }
    everything_adds_up(&stage, 12).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_step_may_be_refused() {
    let stage = Stage::open().await;
    let mut placed = 0;
    for step in STEPS {
        for moment in [Moment::Before, Moment::After] {
            let guest = stage.cart(1).await;
            stage.faults.set([point(step, moment, Mishap::Refusal)]);
            let what = format!("{step:?} refused, {moment:?}");
            let answer = stage.checkout(&guest, &guest.cart, "tok_success").send().await;
            let stands = step.is_past_placing() || step == Step::PlaceOrder && moment == Moment::After;
            if stands {
                assert_eq!(answer.status, 201, "{what}: {answer:?}");
                stage.bought(&guest, &guest.cart, &what).await;
                placed += 1;
            } else {
                assert_eq!((answer.status, answer.code()), (409, "refused_by_test"), "{what}");
                stage.undone(&guest, &what).await;
                stage.checkout(&guest, &format!("again {}", guest.cart), "tok_success").send().await.expect(201);
                placed += 1;
            }
        }
    }
    stage.rest().await;
    everything_adds_up(&stage, placed).await;
}

/// The first attempt had no answer, and had taken effect.
#[tokio::test(flavor = "multi_thread")]
async fn a_step_may_be_refused_that_was_done_before() {
    let stage = Stage::open().await;
    for step in [Step::FreezeCart, Step::HoldStock, Step::AuthorisePayment] {
        let guest = stage.cart(1).await;
        stage.faults.set([point(step, Moment::After, Mishap::Away), point(step, Moment::Before, Mishap::Refusal)]);
        let answer = stage.checkout(&guest, &guest.cart, "tok_success").send().await;
        assert_eq!((answer.status, answer.code()), (409, "refused_by_test"), "{step:?}");
        stage.undone(&guest, &format!("{step:?}")).await;
    }
    everything_adds_up(&stage, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_undoing_may_run_twice_and_die_around_it() {
    let stage = Stage::open().await;
    for step in [Step::AuthorisePayment, Step::HoldStock, Step::FreezeCart] {
        for moment in [Moment::BeforeUndo, Moment::AfterUndo] {
            for mishap in [Mishap::Repeat, Mishap::Crash] {
                let guest = stage.cart(1).await;
                let refused = point(Step::PlaceOrder, Moment::Before, Mishap::Refusal);
                stage.faults.set([refused, point(step, moment, mishap)]);
                let what = format!("{step:?} undone, {moment:?}, {mishap:?}");
                let answer = stage.checkout(&guest, &guest.cart, "tok_success").send().await;
                assert_eq!((answer.status, answer.code()), (409, "refused_by_test"), "{what}");
                stage.undone(&guest, &what).await;
            }
        }
    }
    everything_adds_up(&stage, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkout_that_died_too_often_is_given_up_in_time() {
    let stage = Stage::open().await;
    let guest = stage.cart(1).await;
    // It dies each time that it is taken up, until its time is over.
    let deaths = std::iter::repeat_n(point(Step::PlaceOrder, Moment::Before, Mishap::Crash), 40);
    stage.faults.set(deaths);
    stage.checkout(&guest, "k1", "tok_success").send().await.expect(503);
    let mut seconds = 0;
    while stage.read_cart(&guest).await["status"] != "open" {
        assert!(seconds < 50, "not given up within 30 s of its deadline");
        stage.bench.clock.advance(chrono::TimeDelta::seconds(1));
        // Real time: the saga is taken up beside the test, once for each second of its clock.
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        seconds += 1;
    }
    stage.faults.set([]);
    let answer = stage.answer_of(&guest, "k1", "tok_success").await;
    assert_eq!((answer.status, answer.code()), (409, "checkout_expired"), "never placed meanwhile");
    stage.undone(&guest, "given up").await;
    everything_adds_up(&stage, 0).await;
}

async fn everything_adds_up(stage: &Stage, orders: usize) {
    stage.drained().await;
    let found = stage.all_orders().await;
    assert_eq!(found.len(), orders);
    let units = i64::try_from(orders).unwrap();
    assert_eq!(stage.levels(&stage.shirt).await, (1_000, units, 0), "each order has its unit, and nothing is held");
    let promised = stage.all_payments().await.iter().filter(|payment| payment["status"] == "authorised").count();
    assert_eq!(promised, orders, "one promise for each order");
    assert_eq!(stage.breaches().await, Vec::<String>::new());
}
