//! The fixture: payments and the test provider on real PostgreSQL schemas, connected by HTTP, with a fake clock. The tests of a
//! resource are in its folder.

mod exports;
mod snapshots;

use std::time::Duration;

use bloom_contract_payments::{Authorise, Payment, PaymentsClient, Provider};
use bloom_contract_platform::CheckRequest;
use bloom_contract_platform::platform_client::PlatformClient;
use bloom_events::Bus;
use bloom_fault::Fault;
use bloom_kernel::{CheckoutId, Currency, Money, OperationId, PaymentId};
use bloom_runtime::RequestContext;
use bloom_testkit::{TestClient, TestEnv, test_env};
use bloom_web::server::Listeners;
use chrono::TimeDelta;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::time::Instant;

use crate::Config;

/// The longest wait of a test.
pub(crate) const MAX_WAIT: Duration = Duration::from_secs(20);

/// Both services, running.
pub(crate) struct Fixture {
    pub(crate) env: TestEnv,
    pub(crate) client: TestClient,
    pub(crate) sandbox: TestEnv,
    /// The default connection, to the test provider.
    pub(crate) connection: String,
    /// Where payers' browsers return.
    pub(crate) public_url: String,
    /// Where the provider sends its notices.
    pub(crate) notices_url: String,
    /// The address of the test provider.
    pub(crate) sandbox_url: String,
}

/// The ids of an authorisation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ids {
    pub(crate) operation: OperationId,
    pub(crate) payment: PaymentId,
    pub(crate) checkout: CheckoutId,
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        Self::with_timeout(Duration::from_millis(1500)).await
    }

    /// With this time-out of the provider.
    pub(crate) async fn with_timeout(timeout: Duration) -> Self {
        let env = test_env(crate::NAME, &crate::MIGRATIONS).await;
        let mut sandbox = bloom_testkit::test_env(bloom_sandbox_provider::NAME, &bloom_sandbox_provider::MIGRATIONS).await;
        sandbox.host.clock = env.host.clock.clone();
        let (sandbox_listener, sandbox_url) = listen().await;
        serve_sandbox(&sandbox, sandbox_listener, &sandbox_url);
        let (listener, public_url) = listen().await;
        // Another name for the same port: notices and browsers may use different addresses.
        let notices_url = public_url.replace("127.0.0.1", "localhost");
        let config = Config {
            sandbox_url: Some(sandbox_url.clone()),
            public_url: Some(public_url.clone()),
            webhook_url: Some(notices_url.clone()),
            provider_timeout_ms: u64::try_from(timeout.as_millis()).unwrap(),
        };
        let client = env
            .open(|host, db| {
                let service = crate::service(&config, host, db, Bus::in_process())?;
                serve_plain(listener, service.plain.clone());
                Ok(service)
            })
            .await;
        let mut fixture = Self { env, client, sandbox, connection: String::new(), public_url, notices_url, sandbox_url };
        fixture.connection = fixture.connect(json!({ "provider": "sandbox", "is_default": true })).await;
        fixture
    }

    pub(crate) async fn connect(&self, connection: Value) -> String {
        self.client.post("/v1/payments/connections").json(&connection).send().await.expect(201).id()
    }

    pub(crate) fn call(&self) -> RequestContext {
        self.env.call()
    }

    fn payments(&self) -> PaymentsClient {
        PaymentsClient::new(&self.client.host)
    }

    pub(crate) fn ids(&self) -> Ids {
        let tenant = self.env.tenant;
        Ids { operation: self.env.host.id(tenant), payment: self.env.host.id(tenant), checkout: self.env.host.id(tenant) }
    }

    pub(crate) fn operation(&self) -> OperationId {
        self.env.host.id(self.env.tenant)
    }

    pub(crate) async fn authorise(&self, ids: Ids, amount: i64, token: &str) -> Result<Payment, Fault> {
        self.send_authorise(authorise_request(ids, amount, token)).await
    }

    pub(crate) async fn authorise_manual(&self, ids: Ids, amount: i64, token: &str) -> Result<Payment, Fault> {
        let request = authorise_request(ids, amount, token);
        self.send_authorise(Authorise { provider: Some(Provider::Manual), ..request }).await
    }

    pub(crate) async fn send_authorise(&self, request: Authorise<'_>) -> Result<Payment, Fault> {
        self.payments().authorise(&self.call(), request).await
    }

    /// A payment that is authorised.
    pub(crate) async fn authorised(&self, amount: i64, token: &str) -> PaymentId {
        let ids = self.ids();
        self.authorise(ids, amount, token).await.unwrap();
        self.until_settled(ids.payment).await;
        assert_eq!(self.payment(ids.payment).await.status.as_str(), "authorised");
        ids.payment
    }

    pub(crate) async fn capture(&self, id: OperationId, payment: PaymentId, amount: i64) -> Result<Payment, Fault> {
        self.payments().capture(&self.call(), id, payment, amount).await
    }

    pub(crate) async fn refund(&self, id: OperationId, payment: PaymentId, amount: i64) -> Result<Payment, Fault> {
        self.payments().refund(&self.call(), id, payment, amount).await
    }

    pub(crate) async fn void(&self, id: OperationId, payment: PaymentId) -> Result<Payment, Fault> {
        self.payments().void(&self.call(), id, payment).await
    }

    pub(crate) async fn payment(&self, payment: PaymentId) -> Payment {
        self.payments().get(&self.call(), payment).await.unwrap()
    }

    /// Waits until the payment has this status.
    pub(crate) async fn until_status(&self, payment: PaymentId, status: &str) -> Payment {
        eventually(status, async || self.payment(payment).await.status.as_str() == status).await;
        self.payment(payment).await
    }

    /// Advances the clock until no operation of the payment is open.
    pub(crate) async fn until_settled(&self, payment: PaymentId) {
        let open = |operation: &Value| ["init", "pending", "unknown"].contains(&operation["status"].as_str().unwrap_or_default());
        eventually("no operation is open", async || {
            let done = !self.operations(payment).await.iter().any(open);
            if !done {
                self.env.clock.advance(TimeDelta::seconds(4));
            }
            done
        })
        .await;
    }

    pub(crate) async fn operations(&self, payment: PaymentId) -> Vec<Value> {
        let page = self.client.get(&format!("/v1/payments/{payment}/operations?limit=100")).send().await.expect(200);
        page.json["data"].as_array().unwrap().clone()
    }

    pub(crate) async fn journal(&self, payment: PaymentId) -> Vec<Value> {
        let page = self.client.get(&format!("/v1/payments/{payment}/journal?limit=100")).send().await.expect(200);
        page.json["data"].as_array().unwrap().clone()
    }

    /// The violated invariants.
    pub(crate) async fn breaches(&self) -> Vec<String> {
        let mut client = PlatformClient::new(self.client.host.peers.get(crate::NAME));
        let request = self.env.host.request(&self.call(), CheckRequest {});
        let reply = client.check(request).await.unwrap().into_inner();
        reply.breaches.into_iter().map(|breach| breach.invariant).collect()
    }

    /// Schedules the first query about an operation.
    pub(crate) async fn schedule_query(&self, operation: OperationId) {
        let mut tx = self.env.db.write(&self.call()).await.unwrap();
        assert!(crate::payment::resolve_at(&mut tx, operation, 0, self.env.host.now(self.env.tenant)));
        tx.commit().await.unwrap();
    }

    /// A number from the provider's own tables.
    pub(crate) async fn provider_sum(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&mut self.sandbox.superuser().await).await.unwrap()
    }
}

/// Polls until the condition holds.
pub(crate) async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let start = Instant::now();
    while !holds().await {
        assert!(start.elapsed() < MAX_WAIT, "timed out: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Requests the authorisation of a payment without an order, through the default connection.
pub(crate) fn authorise_request(ids: Ids, amount: i64, token: &str) -> Authorise<'_> {
    Authorise {
        operation: ids.operation,
        payment: ids.payment,
        checkout: ids.checkout,
        order: None,
        amount: Money::new(amount, Currency::parse("INR").unwrap()),
        provider: None,
        token,
        return_url: Some("https://shop.example/thanks?step=2"),
    }
}

async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    (listener, url)
}

#[expect(clippy::disallowed_methods, reason = "the server lives as long as the test")]
fn serve_sandbox(sandbox: &TestEnv, tcp: TcpListener, url: &str) {
    let config = bloom_sandbox_provider::Config { public_url: Some(url.to_owned()), stall_ms: 60_000 };
    let service = bloom_sandbox_provider::service(&config, sandbox.host.clone(), sandbox.db.clone(), Bus::in_process()).unwrap();
    tokio::spawn(service.run(Listeners { tcp, memory: None }));
}

#[expect(clippy::disallowed_methods, reason = "the server lives as long as the test")]
fn serve_plain(tcp: TcpListener, plain: axum::Router) {
    tokio::spawn(async move { axum::serve(tcp, plain).await });
}
