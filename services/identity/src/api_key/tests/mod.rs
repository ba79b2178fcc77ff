//! Tests of API keys.

mod create;
mod replace;
mod resolve;
mod scopes;

use chrono::TimeDelta;
use serde_json::json;

use crate::tests::{Fixture, create_account};

#[tokio::test]
async fn every_route_requires_its_permission() {
    let fixture = Fixture::new().await;
    let id = fixture.account.live.secret_key.api_key.id;
    let key = format!("/v1/identity/api-keys/{id}");
    for (method, path) in [
        ("GET", "/v1/identity/account"),
        ("GET", "/v1/identity/environments"),
        ("GET", "/v1/identity/api-keys"),
        ("GET", key.as_str()),
        ("POST", &format!("{key}/revoke")),
    ] {
        let refused = fixture.request(method, path).publishable(&["catalog:read"]).send().await.expect(403);
        assert_eq!(refused.code(), "permission_missing");
        assert!(refused.text.contains("use a secret key"), "{}", refused.text);
        assert_eq!(fixture.request(method, path).anonymous().send().await.status, 401);
    }
}

#[tokio::test]
async fn keys_of_other_tenants_answer_as_unknown() {
    let fixture = Fixture::new().await;
    let other = create_account(&fixture.env, "Other Ltd").await.live;
    let theirs = other.secret_key.api_key.id;
    let mine = fixture.request("GET", "/v1/identity/api-keys").send().await.expect(200);
    assert_eq!(mine.json["data"].as_array().unwrap().len(), 2);
    for (method, path) in [("GET", ""), ("POST", "/rotate"), ("POST", "/revoke")] {
        let path = |id: &str| format!("/v1/identity/api-keys/{id}{path}");
        let body = json!({});
        let foreign = fixture.request(method, &path(&theirs.to_string())).json(&body).send().await.expect(404);
        let unknown = fixture.request(method, &path("key_01jd6zv4x8e5yag7k3m2n9p0qr")).json(&body).send().await.expect(404);
        let garbled = fixture.request(method, &path("key_nonsense")).json(&body).send().await.expect(404);
        assert_eq!([foreign.code(), garbled.code()], [unknown.code(); 2]);
    }
    let body = json!({ "kind": "secret", "name": "x", "environment_id": other.environment.id });
    assert_eq!(fixture.create_key(body).await.status, 404);
    assert!(fixture.resolve(&other.secret_key.secret).await.is_ok());
}

#[tokio::test]
async fn a_list_shows_every_key_once() {
    let fixture = Fixture::new().await;
    for number in 0..5 {
        fixture.env.clock.advance(TimeDelta::seconds(1));
        let _ = fixture.create_key(json!({ "kind": "secret", "name": format!("Key {number}") })).await.expect(201);
    }
    let (mut names, mut path) = (Vec::new(), "/v1/identity/api-keys?limit=2".to_owned());
    loop {
        let page = fixture.request("GET", &path).send().await.expect(200);
        names.extend(page.json["data"].as_array().unwrap().iter().map(|key| key["name"].as_str().unwrap().to_owned()));
        let Some(next) = page.json["page"]["next"].as_str() else { break };
        path = format!("/v1/identity/api-keys?limit=2&cursor={next}");
    }
    assert_eq!(names[..5], ["Key 4", "Key 3", "Key 2", "Key 1", "Key 0"]);
    assert_eq!(names.len(), 7);
    // A cursor is valid for its tenant only.
    let page = fixture.request("GET", "/v1/identity/api-keys?limit=1").send().await.expect(200);
    let path = format!("/v1/identity/api-keys?limit=1&cursor={}", page.json["page"]["next"].as_str().unwrap());
    let refused = fixture.client.get(&path).tenant(fixture.sandbox()).send().await.expect(400);
    assert_eq!(refused.code(), "cursor_invalid");
}
