//! Runs random sequences of operations and compares every level with a simple model after each step.

use std::collections::BTreeMap;

use bloom_contract_inventory as proto;
use bloom_kernel::{LocationId, OrderId, VariantId};
use chrono::TimeDelta;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, TestRunner};
use serde_json::json;

use super::{Fixture, fixture};

const VARIANTS: usize = 2;
const LOCATIONS: usize = 2;

#[derive(Debug, Clone)]
enum Step {
    Receive(usize, usize, i64),
    Count(usize, usize, i64),
    Settings(usize, usize, i64, i64),
    Hold(Vec<(usize, i64)>, i64),
    Repeat,
    Extend(usize, i64),
    Release(usize),
    Commit(usize),
    Ship(usize),
    GiveBack(usize),
    Wait(i64),
}

fn any_step() -> impl Strategy<Value = Step> {
    let lines = prop::collection::vec((0..VARIANTS, 1..4_i64), 1..4);
    prop_oneof![
        2 => (0..VARIANTS, 0..LOCATIONS, 1..6_i64).prop_map(|(v, l, q)| Step::Receive(v, l, q)),
        1 => (0..VARIANTS, 0..LOCATIONS, 0..6_i64).prop_map(|(v, l, q)| Step::Count(v, l, q)),
        1 => (0..VARIANTS, 0..LOCATIONS, 0..3_i64, 0..4_i64).prop_map(|(v, l, s, b)| Step::Settings(v, l, s, b)),
        6 => (lines, 5..60_i64).prop_map(|(lines, ttl)| Step::Hold(lines, ttl)),
        1 => Just(Step::Repeat),
        2 => (any::<usize>(), 5..60_i64).prop_map(|(n, ttl)| Step::Extend(n, ttl)),
        2 => any::<usize>().prop_map(Step::Release),
        3 => any::<usize>().prop_map(Step::Commit),
        2 => any::<usize>().prop_map(Step::Ship),
        1 => any::<usize>().prop_map(Step::GiveBack),
        2 => (1..40_i64).prop_map(Step::Wait),
    ]
}

#[derive(Debug, Clone, Copy, Default)]
struct Item {
    on_hand: i64,
    allocated: i64,
    safety: i64,
    backorder: i64,
}

#[derive(Debug, Clone)]
struct Held {
    request: proto::HoldRequest,
    units: Vec<proto::Allocation>,
    ends: i64,
    is_active: bool,
    order: Option<OrderId>,
    is_settled: bool,
}

/// The expected state.
struct Model {
    variants: Vec<VariantId>,
    locations: Vec<LocationId>,
    items: BTreeMap<(usize, usize), Item>,
    holds: Vec<Held>,
    now: i64,
}

impl Model {
    fn is_live(&self, hold: &Held) -> bool {
        hold.is_active && self.now < hold.ends
    }

    fn place(&self, unit: &proto::Allocation) -> (usize, usize) {
        let variant = self.variants.iter().position(|v| v.to_string() == unit.variant_id).unwrap();
        (variant, self.locations.iter().position(|l| l.to_string() == unit.location_id).unwrap())
    }

    fn held(&self, place: (usize, usize)) -> i64 {
        let units = self.holds.iter().filter(|hold| self.is_live(hold)).flat_map(|hold| &hold.units);
        units.filter(|unit| self.place(unit) == place).map(|unit| unit.quantity).sum()
    }

    fn sellable(&self, place: (usize, usize)) -> i64 {
        let item = self.items[&place];
        (item.on_hand - item.allocated - self.held(place) - item.safety + item.backorder).max(0)
    }

    fn fits(&self, lines: &[(usize, i64)]) -> bool {
        (0..VARIANTS).all(|variant| {
            let wanted: i64 = lines.iter().filter(|line| line.0 == variant).map(|line| line.1).sum();
            wanted <= (0..LOCATIONS).map(|location| self.sellable((variant, location))).sum()
        })
    }
}

impl Fixture {
    async fn begin(&self, round: usize) -> Model {
        let mut model = Model { variants: Vec::new(), locations: Vec::new(), items: BTreeMap::new(), holds: Vec::new(), now: 0 };
        for number in 0..LOCATIONS {
            model.locations.push(self.location(&format!("L{round}-{number}"), i32::try_from(number).unwrap()).await);
        }
        for variant in 0..VARIANTS {
            let stock: Vec<_> = model.locations.iter().map(|location| (*location, 3)).collect();
            model.variants.push(self.variant(&stock).await);
            for location in 0..LOCATIONS {
                model.items.insert((variant, location), Item { on_hand: 3, ..Item::default() });
            }
        }
        model
    }

    async fn adjust(&self, model: &Model, kind: &str, place: (usize, usize), quantity: i64) {
        let line = json!({
            "variant_id": model.variants[place.0], "location_id": model.locations[place.1], "quantity": quantity
        });
        let body = json!({ "kind": kind, "lines": [line] });
        let _ = self.client.post("/v1/inventory/adjustments").json(&body).send().await.expect(201);
    }

    async fn step(&self, model: &mut Model, step: &Step) {
        match step {
            Step::Receive(v, l, quantity) => {
                self.adjust(model, "received", (*v, *l), *quantity).await;
                model.items.get_mut(&(*v, *l)).unwrap().on_hand += quantity;
            }
            Step::Count(v, l, quantity) => {
                self.adjust(model, "counted", (*v, *l), *quantity).await;
                model.items.get_mut(&(*v, *l)).unwrap().on_hand = *quantity;
            }
            Step::Settings(v, l, safety, backorder) => {
                let settings = json!({ "safety_stock": safety, "backorder_limit": backorder });
                self.settings(model.variants[*v], model.locations[*l], &settings).await;
                let item = model.items.get_mut(&(*v, *l)).unwrap();
                (item.safety, item.backorder) = (*safety, *backorder);
            }
            Step::Hold(lines, ttl) => self.step_hold(model, lines, *ttl).await,
            Step::Wait(seconds) => {
                self.env.clock.advance(TimeDelta::seconds(*seconds));
                model.now += seconds;
            }
            Step::Repeat => self.step_repeat(model).await,
            Step::Extend(n, _) | Step::Release(n) | Step::Commit(n) | Step::Ship(n) | Step::GiveBack(n) => {
                if !model.holds.is_empty() {
                    let index = n % model.holds.len();
                    self.step_later(model, step, index).await;
                }
            }
        }
    }

    async fn step_hold(&self, model: &mut Model, lines: &[(usize, i64)], ttl: i64) {
        let wanted: Vec<_> = lines.iter().map(|(variant, quantity)| (model.variants[*variant], *quantity)).collect();
        let mut request = self.wanted(&wanted, &model.locations);
        request.ttl_seconds = ttl;
        match self.hold(&request).await {
            Ok(reply) => {
                assert!(model.fits(lines), "held what there is not: {lines:?}");
                for (index, (_, quantity)) in lines.iter().enumerate() {
                    let given = reply.allocations.iter().filter(|unit| unit.line_id == format!("line-{index}"));
                    assert_eq!(given.map(|unit| unit.quantity).sum::<i64>(), *quantity);
                }
                let units = reply.allocations;
                let ends = model.now + ttl;
                model.holds.push(Held { request, units, ends, is_active: true, order: None, is_settled: false });
            }
            Err(fault) => {
                assert_eq!(fault.reason, "insufficient_stock");
                assert!(!model.fits(lines), "refused what there is: {lines:?}");
            }
        }
    }

    async fn step_repeat(&self, model: &Model) {
        let Some(hold) = model.holds.last() else { return };
        let outcome = self.hold(&hold.request).await.map_err(|fault| fault.reason.to_string());
        if model.is_live(hold) || hold.order.is_some() {
            assert_eq!(outcome.unwrap().allocations, hold.units);
        } else {
            assert_eq!(outcome.unwrap_err(), "hold_expired");
        }
    }

    async fn step_later(&self, model: &mut Model, step: &Step, index: usize) {
        let is_live = model.is_live(&model.holds[index]);
        let hold = model.holds[index].clone();
        let id = hold.request.hold_id.as_str();
        match step {
            Step::Extend(_, ttl) => {
                assert_eq!(self.extend(id, *ttl).await.is_ok(), is_live);
                if is_live {
                    model.holds[index].ends = model.now + ttl;
                }
            }
            Step::Release(_) => {
                let status = self.release(id).await.unwrap().status();
                assert_eq!(status == proto::HoldStatus::Committed, hold.order.is_some());
                model.holds[index].is_active = false;
            }
            Step::Commit(_) => {
                let order = hold.order.unwrap_or_else(|| self.id());
                assert_eq!(self.commit(id, order).await.is_ok(), is_live || hold.order.is_some());
                if is_live {
                    model.holds[index].is_active = false;
                    model.holds[index].order = Some(order);
                    for unit in &hold.units {
                        let place = model.place(unit);
                        model.items.get_mut(&place).unwrap().allocated += unit.quantity;
                    }
                }
            }
            _ => self.step_settle(model, matches!(step, Step::Ship(_)), index).await,
        }
    }

    async fn step_settle(&self, model: &mut Model, ships: bool, index: usize) {
        let hold = model.holds[index].clone();
        let Some(order) = hold.order.filter(|_| !hold.is_settled) else { return };
        let operation = format!("settle-{}", hold.request.hold_id);
        if !ships {
            self.give_back(&operation, order, &hold.units).await.unwrap();
        } else if let Err(fault) = self.ship(&operation, order, &hold.units).await {
            assert_eq!(fault.reason, "on_hand_out_of_range");
            return;
        }
        model.holds[index].is_settled = true;
        for unit in &hold.units {
            let place = model.place(unit);
            let item = model.items.get_mut(&place).unwrap();
            item.allocated -= unit.quantity;
            item.on_hand -= if ships { unit.quantity } else { 0 };
            assert!(0 <= item.on_hand);
        }
    }

    async fn compare(&self, model: &Model) {
        for (&place, item) in &model.items {
            let levels = self.levels(model.variants[place.0], model.locations[place.1]).await;
            assert_eq!(levels, [item.on_hand, item.allocated, model.held(place), model.sellable(place)], "at {place:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn any_sequence_agrees_with_the_model() {
    let fixture = fixture().await;
    let mut runner = TestRunner::deterministic();
    let rounds = usize::try_from(Config::default().cases / 16).unwrap();
    for round in 0..rounds {
        let steps = prop::collection::vec(any_step(), 30).new_tree(&mut runner).unwrap().current();
        let mut model = fixture.begin(round).await;
        for (number, step) in steps.iter().enumerate() {
            tracing::debug!(round, number, ?step, "step");
            fixture.step(&mut model, step).await;
            fixture.compare(&model).await;
        }
        let breaches = fixture.breaches().await;
        assert!(breaches.is_empty(), "{breaches:?} after {steps:?}");
    }
}
