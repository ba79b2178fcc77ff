//! Making, using and revoking keys.

use bloom_fault::Code;
use bloom_kernel::api_key;
use chrono::TimeDelta;
use serde_json::json;
use sqlx::Row as _;

use super::{Shop, found, key_id_of, secret_of};
use crate::usage;

#[tokio::test]
async fn a_key_resolves_to_its_holder() {
    let shop = Shop::open().await;
    let body =
        json!({ "kind": "secret", "name": "ERP", "scopes": ["orders:read", "catalog:*"], "expires_at": "2026-06-01T00:00:00Z" });
    let created = shop.create_key(body).await.expect(201);
    let token = secret_of(&created);
    assert!(token.starts_with("sk_live_") && api_key::parse(&token).is_some());
    assert_eq!(created.json["api_key"]["hint"], token[token.len() - 4..]);

    let holder = shop.resolve(&token).await.unwrap();
    assert_eq!(holder.key_id, key_id_of(&created));
    assert_eq!(holder.tenant_id, shop.live().to_string());
    assert_eq!(holder.account_id, shop.account.account.id.to_string());
    assert_eq!((holder.cell.as_str(), holder.secret, holder.live), ("local", true, true));
    assert_eq!(holder.scopes, ["catalog:*", "orders:read"]);
    assert_eq!(holder.expires_at, "2026-06-01T00:00:00.000000Z");

    for wrong in [api_key::digest("sk_live_x").to_vec(), Vec::new(), vec![0; 33]] {
        let (mut identity, call) = shop.gateway();
        let message = bloom_contract_identity::ResolveKeyRequest { sha256: wrong };
        let refused = identity.resolve_key(shop.bench.host.request(&call, message)).await.unwrap_err();
        assert_eq!(refused.code(), tonic::Code::NotFound);
    }
}

#[tokio::test]
async fn every_first_key_opens_its_environment() {
    let shop = Shop::open().await;
    let (live, sandbox) = (&shop.account.live, &shop.account.sandbox);
    for (key, environment, prefix) in [
        (&live.secret_key, shop.live(), "sk_live_"),
        (&live.publishable_key, shop.live(), "pk_live_"),
        (&sandbox.secret_key, shop.sandbox(), "sk_test_"),
        (&sandbox.publishable_key, shop.sandbox(), "pk_test_"),
    ] {
        let token = key.secret.as_str();
        assert!(token.starts_with(prefix), "{prefix}");
        let holder = shop.resolve(token).await.unwrap();
        assert_eq!(holder.tenant_id, environment.to_string());
        assert_eq!((holder.secret, holder.live), (prefix.starts_with("sk"), prefix.ends_with("live_")));
        assert_eq!(holder.scopes.contains(&"*".to_owned()), holder.secret);
    }
}

#[tokio::test]
async fn a_repeated_creation_shows_no_secret() {
    let shop = Shop::open().await;
    let body = json!({ "kind": "secret", "name": "ERP" });
    let ask = || shop.ask("POST", "/v1/identity/api-keys").key("once").json(&body);
    let first = ask().send().await.expect(201);
    let again = ask().send().await.expect(201);
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!(again.json["api_key"], first.json["api_key"]);
    assert!(again.json.get("secret").is_none() && !secret_of(&first).is_empty());
    let other = json!({ "kind": "secret", "name": "CRM" });
    let reused = shop.ask("POST", "/v1/identity/api-keys").key("once").json(&other).send().await.expect(422);
    assert_eq!(reused.code(), "idempotency_key_reused");
}

#[tokio::test]
async fn a_revoked_key_is_announced_and_dead() {
    let shop = Shop::open().await;
    let created = shop.create_key(json!({ "kind": "secret", "name": "ERP" })).await.expect(201);
    let (id, token) = (key_id_of(&created), secret_of(&created));
    let before = shop.resolve(&token).await.unwrap().revocations_cursor;
    assert_eq!(shop.revocations(before).await.key_ids, Vec::<String>::new());

    let path = format!("/v1/identity/api-keys/{id}/revoke");
    let revoked = shop.ask("POST", &path).send().await.expect(200);
    assert_eq!((&revoked.json["version"], revoked.json["revoked_at"].is_string()), (&json!(2), true));
    let told = shop.revocations(before).await;
    assert_eq!(told.key_ids, [id]);
    assert!(before < told.cursor);
    assert_eq!(shop.resolve(&token).await.unwrap_err().code, Code::NotFound);

    let again = shop.ask("POST", &path).send().await.expect(200);
    assert_eq!(again.json, revoked.json);
    let quiet = shop.revocations(told.cursor).await;
    assert_eq!((quiet.key_ids.len(), quiet.cursor), (0, told.cursor));
    // A cursor of a database that was since restored to an earlier state.
    assert_eq!(shop.revocations(told.cursor + 100).await.key_ids.len(), 1);
}

#[tokio::test]
async fn an_expired_key_is_as_unknown() {
    let shop = Shop::open().await;
    let end = shop.bench.clock.time() + TimeDelta::hours(1);
    let created = shop.create_key(json!({ "kind": "publishable", "name": "Kiosk", "expires_at": end })).await.expect(201);
    let token = secret_of(&created);
    assert!(shop.resolve(&token).await.is_ok());
    shop.bench.clock.advance(TimeDelta::hours(1));
    assert_eq!(shop.resolve(&token).await.unwrap_err().code, Code::NotFound);
}

#[tokio::test]
async fn a_key_hands_out_no_scope_that_it_lacks() {
    let shop = Shop::open().await;
    let with = |scopes: &'static [&str]| shop.ask("POST", "/v1/identity/api-keys").scopes(scopes);
    let all = json!({ "kind": "secret", "name": "ERP", "scopes": ["*"] });
    let refused = with(&["identity:write"]).json(&all).send().await.expect(403);
    assert_eq!((refused.code(), &refused.json["policy"]), ("scope_escalation", &json!("api-keys:no-escalation")));
    let plain = json!({ "kind": "secret", "name": "ERP" });
    let created = with(&["identity:write", "orders:read"]).json(&plain).send().await.expect(201);
    assert_eq!(created.json["api_key"]["scopes"], json!(["identity:write", "orders:read"]));
    // Rotating a stronger key would show its text.
    let strong = key_id_of(&shop.create_key(all).await.expect(201));
    let rotate = format!("/v1/identity/api-keys/{strong}/rotate");
    let refused = shop.ask("POST", &rotate).scopes(&["identity:write"]).json(&json!({})).send().await.expect(403);
    assert_eq!(refused.code(), "scope_escalation");
    // And so would founding a sandbox, were its first key stronger than the one that asks.
    let sandbox = shop.ask("POST", "/v1/identity/environments").scopes(&["identity:*"]).json(&json!({ "name": "Trial" }));
    assert_eq!(sandbox.send().await.expect(201).json["api_key"]["scopes"], json!(["identity:*"]));
}

#[tokio::test]
async fn permissions_guard_every_route() {
    let shop = Shop::open().await;
    let id = shop.account.live.secret_key.api_key.id;
    let key = format!("/v1/identity/api-keys/{id}");
    for (method, path) in [
        ("GET", "/v1/identity/account"),
        ("GET", "/v1/identity/environments"),
        ("GET", "/v1/identity/api-keys"),
        ("GET", key.as_str()),
        ("POST", &format!("{key}/revoke")),
    ] {
        let refused = shop.ask(method, path).publishable(&["catalog:read"]).send().await.expect(403);
        assert_eq!(refused.code(), "permission_missing");
        assert!(refused.text.contains("use a secret key"), "{}", refused.text);
        assert_eq!(shop.ask(method, path).anonymous().send().await.status, 401);
    }
}

#[tokio::test]
async fn keys_of_others_are_unknown() {
    let shop = Shop::open().await;
    let stranger = found(&shop.bench, "Somebody else").await.live;
    let theirs = stranger.secret_key.api_key.id;
    let mine = shop.ask("GET", "/v1/identity/api-keys").send().await.expect(200);
    assert_eq!(mine.json["data"].as_array().unwrap().len(), 2);
    for (method, path) in [("GET", ""), ("POST", "/rotate"), ("POST", "/revoke")] {
        let path = |id: &str| format!("/v1/identity/api-keys/{id}{path}");
        let body = json!({});
        let foreign = shop.ask(method, &path(&theirs.to_string())).json(&body).send().await.expect(404);
        let unknown = shop.ask(method, &path("key_01jd6zv4x8e5yag7k3m2n9p0qr")).json(&body).send().await.expect(404);
        let garbled = shop.ask(method, &path("key_nonsense")).json(&body).send().await.expect(404);
        assert_eq!([foreign.code(), garbled.code()], [unknown.code(); 2]);
    }
    let body = json!({ "kind": "secret", "name": "x", "environment_id": stranger.environment.id });
    assert_eq!(shop.create_key(body).await.status, 404);
    assert!(shop.resolve(&stranger.secret_key.secret).await.is_ok());
}

#[tokio::test]
async fn a_list_shows_every_key_once() {
    let shop = Shop::open().await;
    for number in 0..5 {
        shop.bench.clock.advance(TimeDelta::seconds(1));
        let _ = shop.create_key(json!({ "kind": "secret", "name": format!("Key {number}") })).await.expect(201);
    }
    let (mut names, mut path) = (Vec::new(), "/v1/identity/api-keys?limit=2".to_owned());
    loop {
        let page = shop.ask("GET", &path).send().await.expect(200);
        names.extend(page.json["data"].as_array().unwrap().iter().map(|key| key["name"].as_str().unwrap().to_owned()));
        let Some(next) = page.json["page"]["next"].as_str() else { break };
        path = format!("/v1/identity/api-keys?limit=2&cursor={next}");
    }
    assert_eq!(names[..5], ["Key 4", "Key 3", "Key 2", "Key 1", "Key 0"]);
    assert_eq!(names.len(), 7);
    // A cursor is good for its tenant only.
    let page = shop.ask("GET", "/v1/identity/api-keys?limit=1").send().await.expect(200);
    let path = format!("/v1/identity/api-keys?limit=1&cursor={}", page.json["page"]["next"].as_str().unwrap());
    let refused = shop.door.get(&path).tenant(shop.sandbox()).send().await.expect(400);
    assert_eq!(refused.code(), "cursor_invalid");
}

#[tokio::test]
async fn uses_are_written_in_batches_and_change_nothing() {
    let shop = Shop::open().await;
    let app = shop.app();
    let key = &shop.account.live.secret_key;
    let digest = api_key::digest(&key.secret);
    let path = format!("/v1/identity/api-keys/{}", key.api_key.id);
    for _ in 0..3 {
        shop.bench.clock.advance(TimeDelta::seconds(1));
        crate::ops::resolve_key::resolve_key(&app, &digest).await.unwrap();
    }
    assert!(shop.ask("GET", &path).send().await.expect(200).json["last_used_at"].is_null());
    usage::flush(&app).await.unwrap();
    let used = shop.ask("GET", &path).send().await.expect(200);
    assert_eq!(used.json["last_used_at"], json!(shop.bench.clock.time()));
    assert_eq!(used.json["version"], 1);
}

#[tokio::test]
async fn old_revocations_are_forgotten() {
    let shop = Shop::open().await;
    let id = shop.account.live.secret_key.api_key.id;
    let _ = shop.ask("POST", &format!("/v1/identity/api-keys/{id}/revoke")).send().await.expect(200);
    usage::purge(&shop.app()).await.unwrap();
    let told = shop.revocations(0).await;
    assert_eq!(told.key_ids.len(), 1);
    shop.bench.clock.advance(TimeDelta::days(8));
    usage::purge(&shop.app()).await.unwrap();
    let kept = shop.revocations(0).await;
    assert_eq!((kept.key_ids.len(), kept.cursor), (0, told.cursor));
}

#[tokio::test]
async fn a_keys_text_is_nowhere_to_be_found() {
    let shop = Shop::open().await;
    let ask = shop.ask("POST", "/v1/identity/api-keys").key("k").json(&json!({ "kind": "secret", "name": "ERP" }));
    let token = secret_of(&ask.send().await.expect(201));
    let sha256 = u64::from_be_bytes(*api_key::digest(&token).first_chunk().unwrap());
    let hex = format!("{sha256:016x}");
    let mut connection = shop.bench.superuser().await;
    for table in ["api_key", "outbox", "idempotency", "environment", "account"] {
        let sql = format!("select coalesce(string_agg(t::text, ' '), '') from {table} t");
        let text: String = sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_one(&mut connection).await.unwrap().get(0);
        assert!(!text.contains(&token[8..40]), "{table}");
        assert!(!text.contains(&hex), "{table} holds the digest without its pepper");
    }
}
