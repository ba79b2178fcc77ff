//! Tests through the public door, on a real PostgreSQL.

mod bad_input;
mod domain;
mod environments;
mod keys;
mod proofs;
mod rotation;

use bloom_contract_identity::identity_client::IdentityClient;
use bloom_contract_identity::{ListRevocationsReply, ListRevocationsRequest, ResolveKeyReply, ResolveKeyRequest};
use bloom_events::Bus;
use bloom_fault::Fault;
use bloom_kernel::{Currency, TenantId, api_key};
use bloom_runtime::{Peer, RequestContext};
use bloom_testkit::{Answer, TestClient, TestEnv, TestRequest};

use crate::domain::account::{AccountCreate, AccountCreated};
use crate::{Identity, MIGRATIONS, NAME, account_create, service};

/// A shop with its account, and the door to the service.
struct Shop {
    bench: TestEnv,
    door: TestClient,
    account: AccountCreated,
}

impl Shop {
    async fn open() -> Self {
        let bench = bloom_testkit::test_env(NAME, &MIGRATIONS).await;
        let account = found(&bench, "Chai & Co").await;
        let door = bench.open(|host, db| service(host, db, Bus::in_process())).await;
        Self { bench, door, account }
    }

    fn live(&self) -> TenantId {
        self.account.live.environment.id
    }

    fn sandbox(&self) -> TenantId {
        self.account.sandbox.environment.id
    }

    /// Asks with a key of the live environment.
    fn ask(&self, method: &str, path: &str) -> TestRequest<'_> {
        self.door.ask(method, path).tenant(self.live())
    }

    async fn create_key(&self, body: serde_json::Value) -> Answer {
        self.ask("POST", "/v1/identity/api-keys").json(&body).send().await
    }

    fn app(&self) -> Identity {
        Identity::new(self.bench.host.clone(), self.bench.db.clone())
    }

    fn gateway(&self) -> (IdentityClient<Peer>, RequestContext) {
        (IdentityClient::new(self.bench.host.peers.get(NAME)), self.bench.call())
    }

    /// What a gateway is told about a key.
    async fn resolve(&self, token: &str) -> Result<ResolveKeyReply, Fault> {
        let (mut identity, call) = self.gateway();
        let message = ResolveKeyRequest { sha256: api_key::digest(token).to_vec() };
        Ok(identity.resolve_key(self.bench.host.request(&call, message)).await?.into_inner())
    }

    /// What a gateway is told to forget.
    async fn revocations(&self, after: i64) -> ListRevocationsReply {
        let (mut identity, call) = self.gateway();
        let request = self.bench.host.request(&call, ListRevocationsRequest { after });
        identity.list_revocations(request).await.unwrap().into_inner()
    }
}

async fn found(bench: &TestEnv, name: &str) -> AccountCreated {
    let input = AccountCreate {
        name: name.to_owned(),
        time_zone: "Asia/Kolkata".to_owned(),
        locale: "en-IN".to_owned(),
        currency: Currency::parse("INR").unwrap(),
    };
    account_create(&bench.host, &bench.db, input).await.unwrap()
}

fn secret_of(answer: &Answer) -> String {
    answer.json["secret"].as_str().unwrap_or_else(|| panic!("no secret in {}", answer.text)).to_owned()
}

fn key_id_of(answer: &Answer) -> String {
    answer.json["api_key"]["id"].as_str().unwrap_or_else(|| panic!("no key in {}", answer.text)).to_owned()
}
