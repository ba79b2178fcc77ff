//! Snapshots of whole bodies, events and problems of every resource. Ids are numbered in the order of their appearance; the texts
//! of keys and the ids of requests are left out.

use bloom_testkit::Stable;
use insta::assert_json_snapshot;
use serde_json::{Value, json};
use sqlx::Row as _;

use super::{Fixture, key_id_of};

#[tokio::test]
async fn bodies_of_every_resource() {
    let fixture = Fixture::new().await;
    let send = async |method: &str, path: &str, body: Value| {
        fixture.request(method, &format!("/v1/identity{path}")).json(&body).if_match(1).send().await
    };
    let account = fixture.request("GET", "/v1/identity/account").send().await.expect(200).json;
    let environment = send("GET", &format!("/environments/{}", fixture.live()), json!(null)).await.expect(200).json;
    let sandbox = send("POST", "/environments", json!({ "name": "Staging", "locale": "de-DE" })).await.expect(201).json;
    let key = json!({ "kind": "secret", "name": "ERP", "scopes": ["orders:read"], "expires_at": "2026-06-01T00:00:00Z" });
    let created = send("POST", "/api-keys", key).await.expect(201);
    let key = format!("/api-keys/{}", key_id_of(&created));
    let rotated = send("POST", &format!("{key}/rotate"), json!({ "overlap_s": 3_600 })).await.expect(201);
    let replaced = send("GET", &key, json!(null)).await.expect(200).json;
    let revoked = fixture.request("POST", &format!("/v1/identity{key}/revoke")).send().await.expect(200).json;
    let bodies = json!({
        "account": account, "environment": environment, "environment_created": sandbox, "api_key_created": created.json,
        "api_key_rotated": rotated.json, "api_key_replaced": replaced, "api_key_revoked": revoked,
    });
    assert_json_snapshot!(Stable::hiding(&["hint"]).value(bodies));
}

#[tokio::test]
async fn events_of_every_kind() {
    let fixture = Fixture::new().await;
    let path = format!("/v1/identity/environments/{}", fixture.live());
    let _ = fixture.request("PATCH", &path).if_match(1).json(&json!({ "name": "Shop" })).send().await.expect(200);
    let created = fixture.create_key(json!({ "kind": "secret", "name": "ERP", "scopes": ["orders:read"] })).await.expect(201);
    let key = format!("/v1/identity/api-keys/{}", key_id_of(&created));
    let _ = fixture.request("POST", &format!("{key}/rotate")).json(&json!({})).send().await.expect(201);
    let _ = fixture.request("POST", &format!("{key}/revoke")).send().await.expect(200);
    let mut conn = fixture.env.superuser().await;
    let rows = sqlx::query("select kind, aggregate, version, actor, data::text from outbox order by seq");
    let rows = rows.fetch_all(&mut conn).await.unwrap();
    let event = |row: &sqlx::postgres::PgRow| {
        let data: Value = serde_json::from_str(&row.get::<String, _>(4)).unwrap();
        json!({ "kind": row.get::<String, _>(0), "aggregate": row.get::<String, _>(1), "version": row.get::<i64, _>(2),
            "actor": row.get::<String, _>(3), "data": data })
    };
    let events: Value = rows.iter().map(event).collect();
    assert_json_snapshot!(Stable::hiding(&["hint"]).value(events));
}

#[tokio::test]
async fn problems_of_every_kind() {
    let fixture = Fixture::new().await;
    let post = async |path: &str, body: Value| fixture.request("POST", &format!("/v1/identity{path}")).json(&body).send().await;
    let bad = json!({ "kind": "root", "name": " ", "scopes": ["Orders"], "expires_at": "tomorrow", "surprise": 1 });
    let key = format!("/api-keys/{}", fixture.account.live.secret_key.api_key.id);
    let sandbox = fixture.client.post("/v1/identity/environments").tenant(fixture.sandbox());
    let _ = post(&format!("{key}/rotate"), json!({})).await.expect(201);
    let weak = fixture.request("POST", "/v1/identity/api-keys").scopes(&["identity:write"]);
    let problems = json!({
        "invalid": post("/api-keys", bad).await.expect(400).json,
        "past": post("/api-keys", json!({ "kind": "secret", "name": "x", "expires_at": "2020-01-01T00:00:00Z" })).await.json,
        "unknown_scope": post("/api-keys", json!({ "kind": "secret", "name": "x", "scopes": ["order:read"] })).await.json,
        "time_zone": post("/environments", json!({ "name": "x", "time_zone": "Mars/Olympus" })).await.expect(400).json,
        "not_found": post("/api-keys/key_01jd6zv4x8e5yag7k3m2n9p0qr/revoke", json!(null)).await.json,
        "already_rotated": post(&format!("{key}/rotate"), json!({})).await.expect(409).json,
        "live_key_required": sandbox.json(&json!({ "name": "x" })).send().await.expect(403).json,
        "scope_escalation": weak.json(&json!({ "kind": "secret", "name": "x", "scopes": ["*"] })).send().await.expect(403).json,
    });
    assert_json_snapshot!(Stable::hiding(&["hint"]).value(problems));
}
