//! What bad input gets: field and reason, and no effect.

use serde_json::{Value, json};

use super::Shop;

#[tokio::test]
async fn keys_are_refused_by_field_and_reason() {
    let shop = Shop::open().await;
    let with = |field: &str, value: Value| {
        let mut body = json!({ "kind": "secret", "name": "ERP" });
        body[field] = value;
        body
    };
    for (body, pointer) in [
        (json!({}), ""),
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
        let refused = shop.create_key(body.clone()).await;
        assert_eq!(refused.status, 400, "{body}: {}", refused.text);
        assert_eq!(refused.json["errors"][0]["pointer"], pointer, "{body}: {}", refused.text);
    }
    let listed = shop.ask("GET", "/v1/identity/api-keys").send().await.expect(200);
    assert_eq!(listed.json["data"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_channel_cannot_be_checked_while_the_catalogue_is_away() {
    let shop = Shop::open().await;
    let body = json!({ "kind": "publishable", "name": "App", "channel_id": "chan_01jd6zv4x8e5yag7k3m2n9p0qr" });
    let refused = shop.create_key(body).await.expect(503);
    assert_eq!(refused.header("retry-after"), "1");
}

#[tokio::test]
async fn environments_are_refused_by_field_and_reason() {
    let shop = Shop::open().await;
    for (field, value) in [
        ("name", json!("")),
        ("time_zone", json!("Mars/Olympus")),
        ("time_zone", json!("FOO+3")),
        ("locale", json!("english")),
        ("currency", json!("rupee")),
        ("currency", json!("XXX")),
        ("cell", json!("eu-1")),
    ] {
        let mut body = json!({ "name": "Staging" });
        body[field] = value.clone();
        let refused = shop.ask("POST", "/v1/identity/environments").json(&body).send().await;
        assert_eq!(refused.status, 400, "{body}: {}", refused.text);
        assert_eq!(refused.json["errors"][0]["pointer"], format!("/{field}"), "{body}: {}", refused.text);
        let path = format!("/v1/identity/environments/{}", shop.live());
        let refused = shop.ask("PATCH", &path).if_match(1).json(&json!({ field: value })).send().await;
        assert_eq!(refused.status, 400, "{body}: {}", refused.text);
    }
    let listed = shop.ask("GET", "/v1/identity/environments").send().await.expect(200);
    assert_eq!(listed.json["data"].as_array().unwrap().len(), 2);
    assert_eq!(listed.json["data"][0]["version"], 1);
}

#[tokio::test]
async fn rotations_are_bounded() {
    let shop = Shop::open().await;
    let path = format!("/v1/identity/api-keys/{}/rotate", shop.account.live.secret_key.api_key.id);
    for wrong in [json!({ "overlap_s": 2_592_001 }), json!({ "overlap_s": -1 }), json!({ "overlap": 1 }), json!([])] {
        let refused = shop.ask("POST", &path).json(&wrong).send().await;
        assert_eq!(refused.status, 400, "{wrong}: {}", refused.text);
    }
}
