//! Creating keys.

use bloom_contract_catalog::catalog_server::{Catalog, CatalogServer};
use bloom_contract_catalog::{FindChannelsReply, FindChannelsRequest, GetSellablesReply, GetSellablesRequest};
use bloom_kernel::api_key;
use serde_json::{Value, json};
use sqlx::Row as _;
use tonic::service::Routes;
use tonic::{Request, Response, Status};

use super::super::model::{ApiKeyCreate, ApiKeyRotate};
use crate::tests::{Fixture, key_id_of, secret_of};

#[tokio::test]
async fn bad_keys_are_refused_by_field() {
    let fixture = Fixture::new().await;
    let with = |field: &str, value: Value| {
        let mut body = json!({ "kind": "secret", "name": "ERP" });
        body[field] = value;
        body
    };
    for (body, pointer) in [
        (json!({}), "/kind"),
        (with("kind", json!("root")), "/kind"),
        (with("name", json!("  ")), "/name"),
        (with("name", json!("x".repeat(101))), "/name"),
        (with("name", json!("a\u{0}b")), "/name"),
        (with("scopes", json!([])), "/scopes"),
        (with("scopes", json!(["orders:read", "Orders"])), "/scopes/1"),
        (with("scopes", json!(["order:read"])), "/scopes/0"),
        (with("scopes", json!(["orders:read", "cart:*"])), "/scopes/1"),
        (with("scopes", json!("*")), "/scopes"),
        (with("expires_at", json!("2020-01-01T00:00:00Z")), "/expires_at"),
        (with("expires_at", json!("tomorrow")), "/expires_at"),
        (with("channel_id", json!("chan_x")), "/channel_id"),
        (with("secret", json!("sk_live_mine")), "/secret"),
    ] {
        let refused = fixture.create_key(body.clone()).await;
        assert_eq!(refused.status, 400, "{body}: {}", refused.text);
        assert_eq!(refused.json["errors"][0]["pointer"], pointer, "{body}: {}", refused.text);
    }
    let listed = fixture.request("GET", "/v1/identity/api-keys").send().await.expect(200);
    assert_eq!(listed.json["data"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn an_unreachable_catalog_answers_503() {
    let fixture = Fixture::new().await;
    let body = json!({ "kind": "publishable", "name": "App", "channel_id": "chan_01jd6zv4x8e5yag7k3m2n9p0qr" });
    let refused = fixture.create_key(body).await.expect(503);
    assert_eq!(refused.header("retry-after"), "1");
}

#[tokio::test]
async fn a_repeated_creation_shows_no_secret() {
    let fixture = Fixture::new().await;
    let body = json!({ "kind": "secret", "name": "ERP" });
    let request = || fixture.request("POST", "/v1/identity/api-keys").key("once").json(&body);
    let first = request().send().await.expect(201);
    let again = request().send().await.expect(201);
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!(again.json["api_key"], first.json["api_key"]);
    assert!(again.json.get("secret").is_none() && !secret_of(&first).is_empty());
    let other = json!({ "kind": "secret", "name": "CRM" });
    let reused = fixture.request("POST", "/v1/identity/api-keys").key("once").json(&other).send().await.expect(422);
    assert_eq!(reused.code(), "idempotency_key_reused");
}

#[tokio::test]
async fn no_operation_grants_a_scope_that_the_key_lacks() {
    let fixture = Fixture::new().await;
    let with = |scopes: &'static [&str]| fixture.request("POST", "/v1/identity/api-keys").scopes(scopes);
    let all = json!({ "kind": "secret", "name": "ERP", "scopes": ["*"] });
    let refused = with(&["identity:write"]).json(&all).send().await.expect(403);
    assert_eq!((refused.code(), &refused.json["policy"]), ("scope_escalation", &json!("api-keys:no-escalation")));
    let plain = json!({ "kind": "secret", "name": "ERP" });
    let created = with(&["identity:write", "orders:read"]).json(&plain).send().await.expect(201);
    assert_eq!(created.json["api_key"]["scopes"], json!(["identity:write", "orders:read"]));
    // The rotation of a stronger key would show its text.
    let strong = key_id_of(&fixture.create_key(all).await.expect(201));
    let rotate = format!("/v1/identity/api-keys/{strong}/rotate");
    let refused = fixture.request("POST", &rotate).scopes(&["identity:write"]).json(&json!({})).send().await.expect(403);
    assert_eq!(refused.code(), "scope_escalation");
    // The first key of a sandbox is no stronger than the key that creates it.
    let sandbox = fixture.request("POST", "/v1/identity/environments").scopes(&["identity:*"]).json(&json!({ "name": "Trial" }));
    assert_eq!(sandbox.send().await.expect(201).json["api_key"]["scopes"], json!(["identity:*"]));
}

#[tokio::test]
async fn the_live_environment_creates_keys_for_sandboxes() {
    let fixture = Fixture::new().await;
    let body = json!({ "kind": "publishable", "name": "App", "environment_id": fixture.sandbox() });
    let created = fixture.create_key(body).await.expect(201);
    let token = secret_of(&created);
    assert!(token.starts_with("pk_test_"));
    assert_eq!(fixture.resolve(&token).await.unwrap().tenant_id, fixture.sandbox().to_string());
}

#[tokio::test]
async fn the_text_of_a_key_is_stored_nowhere() {
    let fixture = Fixture::new().await;
    let request = fixture.request("POST", "/v1/identity/api-keys").key("k").json(&json!({ "kind": "secret", "name": "ERP" }));
    let token = secret_of(&request.send().await.expect(201));
    let sha256 = u64::from_be_bytes(*api_key::digest(&token).first_chunk().unwrap());
    let hex = format!("{sha256:016x}");
    let mut connection = fixture.env.superuser().await;
    for table in ["api_key", "outbox", "idempotency", "environment", "account"] {
        let sql = format!("select coalesce(string_agg(t::text, ' '), '') from {table} t");
        let text: String = sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_one(&mut connection).await.unwrap().get(0);
        assert!(!text.contains(&token[8..40]), "{table}");
        assert!(!text.contains(&hex), "{table} holds the digest without its pepper");
    }
}

/// A catalog that knows every channel.
struct FakeCatalog;

#[tonic::async_trait]
impl Catalog for FakeCatalog {
    async fn get_sellables(&self, _: Request<GetSellablesRequest>) -> Result<Response<GetSellablesReply>, Status> {
        Ok(Response::new(GetSellablesReply::default()))
    }

    async fn find_channels(&self, _: Request<FindChannelsRequest>) -> Result<Response<FindChannelsReply>, Status> {
        Err(Status::unimplemented("not needed"))
    }
}

#[tokio::test]
async fn a_repeat_is_answered_while_catalog_is_unreachable() {
    let fixture = Fixture::new().await;
    let routes = Routes::new(CatalogServer::new(FakeCatalog)).into_axum_router();
    let catalog = fixture.env.host.peers.open("catalog", routes);
    let body = json!({ "kind": "publishable", "name": "App", "channel_id": "chan_01jd6zv4x8e5yag7k3m2n9p0qr" });
    let create = |key| fixture.request("POST", "/v1/identity/api-keys").key(key).json(&body).send();
    let first = create("k1").await.expect(201);
    drop(catalog);
    let again = create("k1").await.expect(201);
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!(again.json["api_key"], first.json["api_key"]);
    create("k2").await.expect(503);
}

#[test]
fn inputs_agree_with_their_schemas() {
    bloom_testkit::assert_schema_agrees::<ApiKeyCreate>([json!({
        "kind": "publishable", "name": "App", "scopes": ["catalog:read", "orders:*", "*"],
        "channel_id": "chan_01jd6zv4x8e5yag7k3m2n9p0qr", "expires_at": "2026-06-01T00:00:00Z",
        "environment_id": "env_01jd6zv4x8e5yag7k3m2n9p0qr",
    })]);
    bloom_testkit::assert_schema_agrees::<ApiKeyRotate>([json!({ "overlap_s": 3_600 })]);
}
