//! Resolving keys for a gateway, and their last use.

use bloom_fault::Code;
use bloom_kernel::api_key;
use chrono::TimeDelta;
use serde_json::json;

use super::super::resolve::resolve;
use super::super::usage::flush;
use crate::tests::{Fixture, key_id_of, secret_of};

#[tokio::test]
async fn a_key_resolves_to_its_holder() {
    let fixture = Fixture::new().await;
    let body =
        json!({ "kind": "secret", "name": "ERP", "scopes": ["orders:read", "catalog:*"], "expires_at": "2026-06-01T00:00:00Z" });
    let created = fixture.create_key(body).await.expect(201);
    let token = secret_of(&created);
    assert!(token.starts_with("sk_live_") && api_key::parse(&token).is_some());
    assert_eq!(created.json["api_key"]["hint"], token[token.len() - 4..]);

    let holder = fixture.resolve(&token).await.unwrap();
    assert_eq!(holder.key_id, key_id_of(&created));
    assert_eq!(holder.tenant_id, fixture.live().to_string());
    assert_eq!(holder.account_id, fixture.account.account.id.to_string());
    assert_eq!((holder.cell.as_str(), holder.secret, holder.live), ("local", true, true));
    assert_eq!(holder.scopes, ["catalog:*", "orders:read"]);
    assert_eq!(holder.expires_at, "2026-06-01T00:00:00.000000Z");

    for wrong in [api_key::digest("sk_live_x").to_vec(), Vec::new(), vec![0; 33]] {
        let (mut identity, call) = fixture.gateway();
        let message = bloom_contract_identity::ResolveKeyRequest { sha256: wrong };
        let refused = identity.resolve_key(fixture.env.host.request(&call, message)).await.unwrap_err();
        assert_eq!(refused.code(), tonic::Code::NotFound);
    }
}

#[tokio::test]
async fn first_keys_resolve_to_their_environment() {
    let fixture = Fixture::new().await;
    let (live, sandbox) = (&fixture.account.live, &fixture.account.sandbox);
    for (key, environment, prefix) in [
        (&live.secret_key, fixture.live(), "sk_live_"),
        (&live.publishable_key, fixture.live(), "pk_live_"),
        (&sandbox.secret_key, fixture.sandbox(), "sk_test_"),
        (&sandbox.publishable_key, fixture.sandbox(), "pk_test_"),
    ] {
        let token = key.secret.as_str();
        assert!(token.starts_with(prefix), "{prefix}");
        let holder = fixture.resolve(token).await.unwrap();
        assert_eq!(holder.tenant_id, environment.to_string());
        assert_eq!((holder.secret, holder.live), (prefix.starts_with("sk"), prefix.ends_with("live_")));
        assert_eq!(holder.scopes.contains(&"*".to_owned()), holder.secret);
    }
}

#[tokio::test]
async fn an_expired_key_answers_as_an_unknown_one() {
    let fixture = Fixture::new().await;
    let end = fixture.env.clock.time() + TimeDelta::hours(1);
    let created = fixture.create_key(json!({ "kind": "publishable", "name": "Kiosk", "expires_at": end })).await.expect(201);
    let token = secret_of(&created);
    assert!(fixture.resolve(&token).await.is_ok());
    fixture.env.clock.advance(TimeDelta::hours(1));
    assert_eq!(fixture.resolve(&token).await.unwrap_err().code, Code::NotFound);
}

#[tokio::test]
async fn uses_are_written_in_batches_without_a_new_version() {
    let fixture = Fixture::new().await;
    let app = fixture.app();
    let key = &fixture.account.live.secret_key;
    let digest = api_key::digest(&key.secret);
    let path = format!("/v1/identity/api-keys/{}", key.api_key.id);
    for _ in 0..3 {
        fixture.env.clock.advance(TimeDelta::seconds(1));
        resolve(&app, &digest).await.unwrap();
    }
    assert!(fixture.request("GET", &path).send().await.expect(200).json["last_used_at"].is_null());
    flush(&app).await.unwrap();
    let used = fixture.request("GET", &path).send().await.expect(200);
    assert_eq!(used.json["last_used_at"], json!(fixture.env.clock.time()));
    assert_eq!(used.json["version"], 1);
}
