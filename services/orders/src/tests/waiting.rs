//! Waits for checkouts, and acts as their payers.

use bloom_contract_payments::payments_client::PaymentsClient;
use bloom_contract_payments::{AmountRequest, VoidRequest};
use bloom_kernel::OperationId;
use bloom_runtime::Peer;
use bloom_testkit::{Answer, TestEnv, queue};
use futures::future::join3;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgConnection};

use super::{Fixture, Guest};

impl Fixture {
    /// Sends two requests that both wait for the row before either gets it. Answers the statuses.
    pub(crate) async fn both(
        &self,
        row: &str,
        one: impl Future<Output = Answer>,
        other: impl Future<Output = Answer>,
    ) -> [u16; 2] {
        let mut holder = lock_rows(&self.env, &format!("select from {row} for update")).await;
        let unlock = async {
            queue(&mut holder, 2).await;
            sqlx::query("rollback").execute(&mut holder).await.unwrap();
        };
        let (one, other, ()) = join3(one, other, unlock).await;
        let mut statuses = [one.status, other.status];
        statuses.sort_unstable();
        statuses
    }

    /// A checkout as its buyer reads it.
    pub(crate) async fn checkout_status(&self, guest: &Guest, id: &str) -> Value {
        Self::shop(self.orders.get(&format!("/v1/checkouts/{id}")), guest).send().await.expect(200).json
    }

    /// Buys with a payment that has to be waited for; passes seconds until the checkout has ended.
    pub(crate) async fn buy_and_wait(&self, token: &str) -> (Guest, Value) {
        let guest = self.cart(1).await;
        let answer = self.checkout(&guest, &guest.cart, token).send().await;
        assert!(matches!(answer.status, 201 | 202), "{token}: {answer:?}");
        let checkout = self.ended(&guest, &answer.id()).await;
        (guest, checkout)
    }

    /// Passes seconds until the checkout has ended.
    pub(crate) async fn ended(&self, guest: &Guest, id: &str) -> Value {
        for _ in 0..120 {
            let checkout = self.checkout_status(guest, id).await;
            if checkout["status"] == "completed" || checkout["status"] == "failed" {
                return checkout;
            }
            self.advance(1).await;
        }
        panic!("it has not ended: {}", self.checkout_status(guest, id).await);
    }

    pub(crate) async fn assert_nothing_left(&self, guest: &Guest) {
        let is_undone = |payment: &Value| payment["status"] == "voided" || payment["status"] == "failed";
        // If the provider's reply was lost, the provider is queried after 5 s and again 30 s later.
        for _ in 0..6 {
            self.run_timers().await;
            if self.all_payments().await.iter().all(is_undone) {
                break;
            }
        }
        assert_eq!(self.read_cart(guest).await["status"], "open");
        let (_, allocated, held) = self.levels(&self.shirt).await;
        assert_eq!((allocated, held), (0, 0));
        for payment in self.all_payments().await {
            assert!(is_undone(&payment), "{payment}");
        }
        assert_eq!(self.all_orders().await, Vec::<Value>::new());
        assert_eq!(self.breaches().await, Vec::<String>::new());
    }
}

/// What the payer's browser does on the issuer's page; the shop sees nothing of it.
pub(crate) async fn visit(answer: &Answer, outcome: &str) -> reqwest::Response {
    let url = answer.json["action"]["url"].as_str().expect("there is something to do");
    let browser = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a browser");
    browser.post(format!("{url}&outcome={outcome}")).send().await.expect("the page answers")
}

/// A provider or an operator changes the payment of an order without the order's knowledge.
impl Fixture {
    fn payments_client(&self) -> PaymentsClient<Peer> {
        PaymentsClient::new(self.env.host.peers.get("payments"))
    }

    fn amount_request(&self, order: &Value, amount: i64) -> AmountRequest {
        let operation_id = self.env.host.id::<OperationId>(self.env.tenant).to_string();
        AmountRequest { operation_id, payment_id: payment_id(order), amount }
    }

    /// Drops the events of payments, so that the orders service learns of a payment only when it reads it.
    pub(crate) async fn stop_events_of_payments(&self) {
        let trigger = "create function drop_event() returns trigger language plpgsql as 'begin return null; end';
             create trigger drop_event before insert on outbox for each row execute function drop_event()";
        sqlx::raw_sql(trigger).execute(&mut self.service("payments").superuser().await).await.unwrap();
    }

    /// Captures without the order.
    pub(crate) async fn capture_at_payments(&self, order: &Value, amount: i64) {
        let request = self.env.host.request(&self.env.call(), self.amount_request(order, amount));
        self.payments_client().capture(request).await.expect("it is captured");
    }

    /// Refunds without the order.
    pub(crate) async fn refund_at_payments(&self, order: &Value, amount: i64) {
        let request = self.env.host.request(&self.env.call(), self.amount_request(order, amount));
        self.payments_client().refund(request).await.expect("it is refunded");
    }

    /// Voids without the order.
    pub(crate) async fn void_at_payments(&self, order: &Value) {
        let operation_id = self.env.host.id::<OperationId>(self.env.tenant).to_string();
        let request = VoidRequest { operation_id, payment_id: payment_id(order) };
        self.payments_client().void(self.env.host.request(&self.env.call(), request)).await.expect("it is voided");
    }
}

fn payment_id(order: &Value) -> String {
    order["payment"]["id"].as_str().expect("an id").to_owned()
}

impl Fixture {
    pub(crate) async fn capture_on_fulfilment(&self) {
        let settings = self.orders.get("/v1/orders/settings").send().await.expect(200);
        let patch = json!({ "capture": "on_fulfilment" });
        self.orders.patch("/v1/orders/settings").if_match(settings.version()).json(&patch).send().await.expect(200);
    }
}

pub(crate) fn order_path(order: &Value, tail: &str) -> String {
    format!("/v1/orders/{}{tail}", order["id"].as_str().expect("an id"))
}

pub(crate) fn line(order: &Value) -> Value {
    order["lines"][0]["id"].clone()
}

/// Locks rows until the returned connection rolls back.
pub(crate) async fn lock_rows(env: &TestEnv, lock: &str) -> PgConnection {
    let mut holder = env.superuser().await;
    sqlx::raw_sql(AssertSqlSafe(format!("begin; {lock}"))).execute(&mut holder).await.unwrap();
    holder
}
