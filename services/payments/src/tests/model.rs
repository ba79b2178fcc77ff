//! Random operations against a model of a few lines; the books are proved after every hundred.

use bloom_fault::Fault;
use bloom_kernel::{OperationId, PaymentId};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngSeed, TestRunner};

use super::{Ids, Stage};

const ROUNDS: u64 = 4;
const STEPS: usize = 100;
const TOKENS: [&str; 7] = [
    "tok_success",
    "tok_decline",
    "tok_delay",
    "tok_webhook_first",
    "tok_duplicate_webhook",
    "tok_reordered_webhook",
    "tok_timeout_after_success",
];

#[derive(Clone, Debug)]
enum Step {
    Authorise { amount: i64, token: usize },
    Capture { payment: usize, amount: i64 },
    Refund { payment: usize, amount: i64 },
    Void { payment: usize },
    Repeat { operation: usize },
}

fn step() -> impl Strategy<Value = Step> {
    let amount = || prop_oneof![9 => 1..150_i64, 1 => -3..=0_i64];
    prop_oneof![
        2 => (1..2000_i64, 0..TOKENS.len()).prop_map(|(amount, token)| Step::Authorise { amount, token }),
        4 => (0..100_usize, amount()).prop_map(|(payment, amount)| Step::Capture { payment, amount }),
        4 => (0..100_usize, amount()).prop_map(|(payment, amount)| Step::Refund { payment, amount }),
        1 => (0..100_usize).prop_map(|payment| Step::Void { payment }),
        2 => (0..1000_usize).prop_map(|operation| Step::Repeat { operation }),
    ]
}

/// What the amounts of a payment should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Model {
    id: PaymentId,
    authorised: i64,
    captured: i64,
    voided: i64,
    refunded: i64,
}

/// What was asked, to be asked again.
#[derive(Clone, Copy, Debug)]
enum Asked {
    Authorise(Ids, i64, usize),
    Capture(OperationId, PaymentId, i64),
    Refund(OperationId, PaymentId, i64),
    Void(OperationId, PaymentId),
}

struct World {
    stage: Stage,
    payments: Vec<Model>,
    asked: Vec<Asked>,
}

impl World {
    async fn ask(&self, asked: Asked) -> Result<PaymentId, String> {
        let stage = &self.stage;
        let reply = match asked {
            Asked::Authorise(ids, amount, token) => stage.authorise(ids, amount, TOKENS[token]).await,
            Asked::Capture(id, payment, amount) => stage.capture(id, payment, amount).await,
            Asked::Refund(id, payment, amount) => stage.refund(id, payment, amount).await,
            Asked::Void(id, payment) => stage.void(id, payment).await,
        };
        let payment = reply.map_err(|status| Fault::from(status).reason.to_string())?.payment_id.parse().unwrap();
        stage.quiet(payment).await;
        Ok(payment)
    }

    async fn take(&mut self, step: Step) {
        let known = self.payments.len();
        match step {
            Step::Authorise { amount, token } => {
                let ids = self.stage.ids();
                let asked = Asked::Authorise(ids, amount, token);
                self.ask(asked).await.unwrap();
                self.asked.push(asked);
                let authorised = if TOKENS[token] == "tok_decline" { 0 } else { amount };
                self.payments.push(Model { id: ids.payment, authorised, captured: 0, voided: 0, refunded: 0 });
            }
            Step::Capture { .. } | Step::Refund { .. } | Step::Void { .. } if known == 0 => {}
            Step::Capture { payment, amount } => {
                let (at, id) = (payment % known, self.stage.operation());
                let model = self.payments[at];
                let fits = 0 < amount && amount <= model.authorised - model.captured - model.voided;
                self.expect(Asked::Capture(id, model.id, amount), fits).await;
                self.payments[at].captured += if fits { amount } else { 0 };
            }
            Step::Refund { payment, amount } => {
                let (at, id) = (payment % known, self.stage.operation());
                let model = self.payments[at];
                let fits = 0 < amount && amount <= model.captured - model.refunded;
                self.expect(Asked::Refund(id, model.id, amount), fits).await;
                self.payments[at].refunded += if fits { amount } else { 0 };
            }
            Step::Void { payment } => {
                let (at, id) = (payment % known, self.stage.operation());
                let model = self.payments[at];
                self.expect(Asked::Void(id, model.id), true).await;
                self.payments[at].voided = model.authorised - model.captured;
            }
            Step::Repeat { operation } => {
                if let Some(asked) = self.asked.get(operation % self.asked.len().max(1)).copied() {
                    self.ask(asked).await.expect("what was accepted once is answered again");
                }
            }
        }
    }

    async fn expect(&mut self, asked: Asked, fits: bool) {
        let outcome = self.ask(asked).await;
        assert_eq!(outcome.is_ok(), fits, "{asked:?}: {outcome:?}");
        if fits {
            self.asked.push(asked);
        }
    }

    /// I1 the books add up, I2 the payments say what the books say, I3 nothing booked before has changed, I4 the provider
    /// has the same amounts; and all of it is what the model says.
    async fn prove(&self, before: &[String]) -> Vec<String> {
        assert_eq!(self.stage.breaches().await, Vec::<String>::new());
        for model in &self.payments {
            let payment = self.stage.payment(model.id).await;
            let present = Model {
                id: model.id,
                authorised: payment.authorised_amount,
                captured: payment.captured_amount,
                voided: payment.voided_amount,
                refunded: payment.refunded_amount,
            };
            assert_eq!(present, *model);
        }
        let total = |of: fn(&Model) -> i64| self.payments.iter().map(of).sum::<i64>();
        for (sql, sum) in [
            ("select coalesce(sum(amount), 0)::int8 from authorisation where status = 'succeeded'", total(|m| m.authorised)),
            ("select coalesce(sum(captured_amount), 0)::int8 from authorisation", total(|m| m.captured)),
            ("select coalesce(sum(voided_amount), 0)::int8 from authorisation", total(|m| m.voided)),
            ("select coalesce(sum(refunded_amount), 0)::int8 from authorisation", total(|m| m.refunded)),
        ] {
            assert_eq!(self.stage.provider_sum(sql).await, sum, "{sql}");
        }
        let booked: Vec<String> = sqlx::query_scalar(
            "select concat(j, array_agg(e order by e.line)) from journal j join entry e on e.journal_id = j.id
             group by j.id, j order by j.id",
        )
        .fetch_all(&mut self.stage.bench.superuser().await)
        .await
        .unwrap();
        assert!(before.iter().all(|old| booked.contains(old)), "something booked was changed or removed");
        booked
    }
}

#[test]
fn random_operations_never_leave_the_model() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let stage = Stage::with_timeout(std::time::Duration::from_millis(250)).await;
        let mut world = World { stage, payments: Vec::new(), asked: Vec::new() };
        let mut booked = Vec::new();
        for round in 0..ROUNDS {
            let mut runner = TestRunner::new(Config { rng_seed: RngSeed::Fixed(round), ..Config::default() });
            let steps = prop::collection::vec(step(), STEPS).new_tree(&mut runner).unwrap().current();
            for step in steps {
                world.take(step).await;
            }
            booked = world.prove(&booked).await;
        }
        assert!(100 < booked.len(), "only {} journals", booked.len());
    });
}
