//! Random operations against a simple model; the ledger is verified after every hundred.

use bloom_kernel::{OperationId, PaymentId};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngSeed, TestRunner};

use crate::tests::{Fixture, Ids};

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

/// The expected amounts of a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Model {
    id: PaymentId,
    authorised: i64,
    captured: i64,
    voided: i64,
    refunded: i64,
}

/// An accepted request, to be repeated.
#[derive(Clone, Copy, Debug)]
enum Request {
    Authorise(Ids, i64, usize),
    Capture(OperationId, PaymentId, i64),
    Refund(OperationId, PaymentId, i64),
    Void(OperationId, PaymentId),
}

struct Runner {
    fixture: Fixture,
    payments: Vec<Model>,
    requests: Vec<Request>,
}

impl Runner {
    async fn send(&self, request: Request) -> Result<PaymentId, String> {
        let fixture = &self.fixture;
        let reply = match request {
            Request::Authorise(ids, amount, token) => fixture.authorise(ids, amount, TOKENS[token]).await,
            Request::Capture(id, payment, amount) => fixture.capture(id, payment, amount).await,
            Request::Refund(id, payment, amount) => fixture.refund(id, payment, amount).await,
            Request::Void(id, payment) => fixture.void(id, payment).await,
        };
        let payment = reply.map_err(|fault| fault.reason.to_string())?.id;
        fixture.until_settled(payment).await;
        Ok(payment)
    }

    async fn apply(&mut self, step: Step) {
        let known = self.payments.len();
        match step {
            Step::Authorise { amount, token } => {
                let ids = self.fixture.ids();
                let request = Request::Authorise(ids, amount, token);
                self.send(request).await.unwrap();
                self.requests.push(request);
                let authorised = if TOKENS[token] == "tok_decline" { 0 } else { amount };
                self.payments.push(Model { id: ids.payment, authorised, captured: 0, voided: 0, refunded: 0 });
            }
            Step::Capture { .. } | Step::Refund { .. } | Step::Void { .. } if known == 0 => {}
            Step::Capture { payment, amount } => {
                let (at, id) = (payment % known, self.fixture.operation());
                let model = self.payments[at];
                let fits = 0 < amount && amount <= model.authorised - model.captured - model.voided;
                self.expect(Request::Capture(id, model.id, amount), fits).await;
                self.payments[at].captured += if fits { amount } else { 0 };
            }
            Step::Refund { payment, amount } => {
                let (at, id) = (payment % known, self.fixture.operation());
                let model = self.payments[at];
                let fits = 0 < amount && amount <= model.captured - model.refunded;
                self.expect(Request::Refund(id, model.id, amount), fits).await;
                self.payments[at].refunded += if fits { amount } else { 0 };
            }
            Step::Void { payment } => {
                let (at, id) = (payment % known, self.fixture.operation());
                let model = self.payments[at];
                self.expect(Request::Void(id, model.id), true).await;
                self.payments[at].voided = model.authorised - model.captured;
            }
            Step::Repeat { operation } => {
                if let Some(request) = self.requests.get(operation % self.requests.len().max(1)).copied() {
                    self.send(request).await.expect("an accepted request is answered again");
                }
            }
        }
    }

    async fn expect(&mut self, request: Request, fits: bool) {
        let outcome = self.send(request).await;
        assert_eq!(outcome.is_ok(), fits, "{request:?}: {outcome:?}");
        if fits {
            self.requests.push(request);
        }
    }

    /// Checks that the ledger balances, payments match it, no journal has changed, and provider and model have the same amounts.
    /// the model's.
    async fn verify(&self, before: &[String]) -> Vec<String> {
        assert_eq!(self.fixture.breaches().await, Vec::<String>::new());
        for model in &self.payments {
            let payment = self.fixture.payment(model.id).await;
            let present = Model {
                id: model.id,
                authorised: payment.authorised.amount(),
                captured: payment.captured.amount(),
                voided: payment.voided.amount(),
                refunded: payment.refunded.amount(),
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
            assert_eq!(self.fixture.provider_sum(sql).await, sum, "{sql}");
        }
        let booked: Vec<String> = sqlx::query_scalar(
            "select concat(j, array_agg(e order by e.line)) from journal j join entry e on e.journal_id = j.id
             group by j.id, j order by j.id",
        )
        .fetch_all(&mut self.fixture.env.superuser().await)
        .await
        .unwrap();
        assert!(before.iter().all(|old| booked.contains(old)), "a journal was changed or removed");
        booked
    }
}

#[test]
fn random_operations_match_the_model() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let fixture = Fixture::with_timeout(std::time::Duration::from_millis(250)).await;
        let mut runner_state = Runner { fixture, payments: Vec::new(), requests: Vec::new() };
        let mut booked = Vec::new();
        for round in 0..ROUNDS {
            let mut runner = TestRunner::new(Config { rng_seed: RngSeed::Fixed(round), ..Config::default() });
            let steps = prop::collection::vec(step(), STEPS).new_tree(&mut runner).unwrap().current();
            for step in steps {
                runner_state.apply(step).await;
            }
            booked = runner_state.verify(&booked).await;
        }
        assert!(100 < booked.len(), "only {} journals", booked.len());
    });
}
