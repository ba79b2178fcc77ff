//! The fixture, and tests of the service as a whole, through REST and gRPC on a real PostgreSQL.

mod database;
mod snapshots;

use bloom_contract_identity::identity_client::IdentityClient;
use bloom_contract_identity::{ListRevocationsReply, ListRevocationsRequest, ResolveKeyReply, ResolveKeyRequest};
use bloom_fault::Fault;
use bloom_kernel::{Currency, TenantId, api_key};
use bloom_runtime::{Peer, RequestContext};
use bloom_testkit::{Answer, TestClient, TestEnv, TestRequest};

use crate::{AccountCreate, AccountCreated, Identity, NAME, SERVICE};

/// An account, and a client of the service.
pub(crate) struct Fixture {
    pub(crate) env: TestEnv,
    pub(crate) client: TestClient,
    pub(crate) account: AccountCreated,
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        let env = TestEnv::of(&SERVICE).await;
        let account = create_account(&env, "Chai & Co").await;
        let client = env.serve(&SERVICE).await;
        Self { env, client, account }
    }

    pub(crate) fn live(&self) -> TenantId {
        self.account.live.environment.id
    }

    pub(crate) fn sandbox(&self) -> TenantId {
        self.account.sandbox.environment.id
    }

    /// A request with a key of the live environment.
    pub(crate) fn request(&self, method: &str, path: &str) -> TestRequest<'_> {
        self.client.ask(method, path).tenant(self.live())
    }

    pub(crate) async fn create_key(&self, body: serde_json::Value) -> Answer {
        self.request("POST", "/v1/identity/api-keys").json(&body).send().await
    }

    pub(crate) fn app(&self) -> Identity {
        Identity::new(self.env.host.clone(), self.env.db.clone())
    }

    /// The client of a gateway.
    pub(crate) fn gateway(&self) -> (IdentityClient<Peer>, RequestContext) {
        (IdentityClient::new(self.env.host.peers.get(NAME)), self.env.call())
    }

    /// The holder of a key, as a gateway receives it.
    pub(crate) async fn resolve(&self, token: &str) -> Result<ResolveKeyReply, Fault> {
        let (mut identity, call) = self.gateway();
        let message = ResolveKeyRequest { sha256: api_key::digest(token).to_vec() };
        Ok(identity.resolve_key(self.env.host.request(&call, message)).await?.into_inner())
    }

    /// The revocations after a cursor, as a gateway receives them.
    pub(crate) async fn revocations(&self, after: i64) -> ListRevocationsReply {
        let (mut identity, call) = self.gateway();
        let request = self.env.host.request(&call, ListRevocationsRequest { after });
        identity.list_revocations(request).await.unwrap().into_inner()
    }
}

pub(crate) async fn create_account(env: &TestEnv, name: &str) -> AccountCreated {
    let input = AccountCreate {
        name: name.to_owned(),
        time_zone: "Asia/Kolkata".to_owned(),
        locale: "en-IN".to_owned(),
        currency: Currency::parse("INR").unwrap(),
    };
    crate::account_create(&env.host, &env.db, input).await.unwrap()
}

pub(crate) fn secret_of(answer: &Answer) -> String {
    answer.json["secret"].as_str().unwrap_or_else(|| panic!("no secret in {}", answer.text)).to_owned()
}

pub(crate) fn key_id_of(answer: &Answer) -> String {
    answer.json["api_key"]["id"].as_str().unwrap_or_else(|| panic!("no key in {}", answer.text)).to_owned()
}
