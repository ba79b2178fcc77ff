//! A payments service and a test provider on real PostgreSQL schemas, talking HTTP; time stands in the test's hand.

mod domain;
mod events;
mod guards;
mod ledger;
mod model;
mod notices;
mod provider;
mod rest;

use std::time::Duration;

use bloom_contract_payments::payments_client::PaymentsClient;
use bloom_contract_payments::{AmountRequest, AuthoriseRequest, PaymentRef, PaymentReply, VoidRequest};
use bloom_contract_platform::CheckRequest;
use bloom_contract_platform::platform_client::PlatformClient;
use bloom_events::Bus;
use bloom_kernel::{CheckoutId, OperationId, PaymentId, TenantId};
use bloom_runtime::{Peer, RequestContext};
use bloom_testkit::{TestClient, TestEnv, test_env};
use bloom_web::server::Listeners;
use chrono::TimeDelta;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::time::Instant;
use tonic::Status;

use crate::Config;

/// Nothing that a test waits for takes longer.
const PATIENCE: Duration = Duration::from_secs(20);

/// Both services, running.
pub(super) struct Stage {
    pub(super) bench: TestEnv,
    pub(super) door: TestClient,
    pub(super) sandbox: TestEnv,
    /// Connection to the test provider, the default.
    pub(super) connection: String,
    /// Where the provider's notices and payers' browsers arrive.
    pub(super) public_url: String,
    pub(super) notices_url: String,
}

/// What a test asks for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ids {
    pub(super) operation: OperationId,
    pub(super) payment: PaymentId,
    pub(super) checkout: CheckoutId,
}

impl Stage {
    pub(super) async fn open() -> Self {
        Self::with_timeout(Duration::from_millis(1500)).await
    }

    /// With a provider that may take so long to answer.
    pub(super) async fn with_timeout(timeout: Duration) -> Self {
        let bench = test_env(crate::NAME, &crate::MIGRATIONS).await;
        let mut sandbox = bloom_testkit::test_env(bloom_sandbox_provider::NAME, &bloom_sandbox_provider::MIGRATIONS).await;
        sandbox.host.clock = bench.host.clock.clone();
        let (sandbox_listener, sandbox_url) = listen().await;
        serve_sandbox(&sandbox, sandbox_listener, &sandbox_url);
        let (listener, public_url) = listen().await;
        // Another name for the same port: who sends notices need not take the way of browsers.
        let notices_url = public_url.replace("127.0.0.1", "localhost");
        let config = Config {
            sandbox_url: Some(sandbox_url),
            public_url: Some(public_url.clone()),
            webhook_url: Some(notices_url.clone()),
            provider_timeout_ms: u64::try_from(timeout.as_millis()).unwrap(),
        };
        let door = bench
            .open(|host, db| {
                let service = crate::service(&config, host, db, Bus::in_process())?;
                serve_plain(listener, service.plain.clone());
                Ok(service)
            })
            .await;
        let mut stage = Self { bench, door, sandbox, connection: String::new(), public_url, notices_url };
        stage.connection = stage.connect(json!({ "provider": "sandbox", "is_default": true })).await;
        stage
    }

    pub(super) async fn connect(&self, connection: Value) -> String {
        self.door.post("/v1/payments/connections").json(&connection).send().await.expect(201).id()
    }

    pub(super) fn call(&self) -> RequestContext {
        self.bench.call()
    }

    pub(super) fn client(&self) -> PaymentsClient<Peer> {
        PaymentsClient::new(self.door.host.peers.get(crate::NAME))
    }

    pub(super) fn ids(&self) -> Ids {
        let tenant = self.bench.tenant;
        Ids { operation: self.bench.host.id(tenant), payment: self.bench.host.id(tenant), checkout: self.bench.host.id(tenant) }
    }

    pub(super) fn operation(&self) -> OperationId {
        self.bench.host.id(self.bench.tenant)
    }

    pub(super) async fn authorise(&self, ids: Ids, amount: i64, token: &str) -> Result<PaymentReply, Status> {
        self.authorise_with(ids, amount, token, "").await
    }

    pub(super) async fn authorise_with(
        &self,
        ids: Ids,
        amount: i64,
        token: &str,
        provider: &str,
    ) -> Result<PaymentReply, Status> {
        self.authorise_back(ids, amount, (token, provider), "https://shop.example/thanks?step=2").await
    }

    /// With an address that the payer's browser goes back to.
    pub(super) async fn authorise_back(
        &self,
        ids: Ids,
        amount: i64,
        (token, provider): (&str, &str),
        return_url: &str,
    ) -> Result<PaymentReply, Status> {
        let message = AuthoriseRequest {
            operation_id: ids.operation.to_string(),
            payment_id: ids.payment.to_string(),
            checkout_id: ids.checkout.to_string(),
            amount,
            currency: "INR".to_owned(),
            provider: provider.to_owned(),
            token: token.to_owned(),
            return_url: return_url.to_owned(),
        };
        let request = self.bench.host.request(&self.call(), message);
        Ok(self.client().authorise(request).await?.into_inner())
    }

    /// A payment that is authorised.
    pub(super) async fn authorised(&self, amount: i64, token: &str) -> PaymentId {
        let ids = self.ids();
        self.authorise(ids, amount, token).await.unwrap();
        self.quiet(ids.payment).await;
        assert_eq!(self.payment(ids.payment).await.status, "authorised");
        ids.payment
    }

    pub(super) async fn capture(&self, id: OperationId, payment: PaymentId, amount: i64) -> Result<PaymentReply, Status> {
        let request = self.bench.host.request(&self.call(), amount_of(id, payment, amount));
        Ok(self.client().capture(request).await?.into_inner())
    }

    pub(super) async fn refund(&self, id: OperationId, payment: PaymentId, amount: i64) -> Result<PaymentReply, Status> {
        let request = self.bench.host.request(&self.call(), amount_of(id, payment, amount));
        Ok(self.client().refund(request).await?.into_inner())
    }

    pub(super) async fn void(&self, id: OperationId, payment: PaymentId) -> Result<PaymentReply, Status> {
        let message = VoidRequest { operation_id: id.to_string(), payment_id: payment.to_string() };
        let request = self.bench.host.request(&self.call(), message);
        Ok(self.client().void(request).await?.into_inner())
    }

    pub(super) async fn payment(&self, payment: PaymentId) -> PaymentReply {
        let message = PaymentRef { payment_id: payment.to_string() };
        let request = self.bench.host.request(&self.call(), message);
        self.client().get_payment(request).await.unwrap().into_inner()
    }

    /// Waits until the payment stands so.
    pub(super) async fn until(&self, payment: PaymentId, status: &str) -> PaymentReply {
        eventually(status, async || self.payment(payment).await.status == status).await;
        self.payment(payment).await
    }

    /// Lets time pass until no operation of the payment is open. Something may always be open for the payer to do.
    pub(super) async fn quiet(&self, payment: PaymentId) {
        let open = |operation: &Value| ["init", "pending", "unknown"].contains(&operation["status"].as_str().unwrap_or_default());
        eventually("no operation is open", async || {
            let done = !self.operations(payment).await.iter().any(open);
            if !done {
                self.bench.clock.advance(TimeDelta::seconds(4));
            }
            done
        })
        .await;
    }

    pub(super) async fn operations(&self, payment: PaymentId) -> Vec<Value> {
        let page = self.door.get(&format!("/v1/payments/{payment}/operations?limit=100")).send().await.expect(200);
        page.json["data"].as_array().unwrap().clone()
    }

    pub(super) async fn journal(&self, payment: PaymentId) -> Vec<Value> {
        let page = self.door.get(&format!("/v1/payments/{payment}/journal?limit=100")).send().await.expect(200);
        page.json["data"].as_array().unwrap().clone()
    }

    /// Names of the invariants that do not hold.
    pub(super) async fn breaches(&self) -> Vec<String> {
        let mut client = PlatformClient::new(self.door.host.peers.get(crate::NAME));
        let request = self.bench.host.request(&self.call(), CheckRequest {});
        let reply = client.check(request).await.unwrap().into_inner();
        reply.breaches.into_iter().map(|breach| breach.invariant).collect()
    }

    /// Sets the first question about an operation.
    pub(super) async fn ask_in_five_seconds(&self, operation: OperationId) {
        let mut tx = self.bench.db.write(&self.call()).await.unwrap();
        crate::timers::resolve_at(&mut tx, operation, 0, self.bench.host.now(self.bench.tenant)).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// One number out of the provider's own tables.
    pub(super) async fn provider_sum(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&mut self.sandbox.superuser().await).await.unwrap()
    }

    pub(super) fn stranger(&self) -> TenantId {
        self.bench.other_tenant
    }
}

/// Looks again and again until it holds.
pub(super) async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let start = Instant::now();
    while !holds().await {
        assert!(start.elapsed() < PATIENCE, "still not so: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn amount_of(operation: OperationId, payment: PaymentId, amount: i64) -> AmountRequest {
    AmountRequest { operation_id: operation.to_string(), payment_id: payment.to_string(), amount }
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
