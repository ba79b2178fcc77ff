//! Tests of connections.

use bloom_testkit::assert_schema_agrees;
use serde_json::json;

use super::model::{PaymentConnectionCreate, PaymentConnectionUpdate};
use crate::tests::{Fixture, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn connections_hide_secrets_and_have_one_default() {
    let fixture = Fixture::new().await;
    let path = format!("/v1/payments/connections/{}", fixture.connection);
    let shown = fixture.client.get(&path).send().await.expect(200);
    assert_eq!(shown.json["webhook_url"], format!("{}/v1/payments/webhooks/{}", fixture.notices_url, fixture.connection));
    assert!(!shown.text.contains("sbx_") && !shown.text.contains("secret"), "{}", shown.text);
    let sealed: Vec<u8> =
        sqlx::query_scalar("select credentials from connection").fetch_one(&mut fixture.env.superuser().await).await.unwrap();
    assert!(!String::from_utf8_lossy(&sealed).contains("sbx_"));

    let second = fixture.connect(json!({ "provider": "manual", "is_default": true })).await;
    assert_eq!(fixture.client.get(&path).send().await.expect(200).json["is_default"], false);
    let no_match = fixture.client.patch(&path).json(&json!({ "is_default": true })).send().await.expect(428);
    assert_eq!(no_match.code(), "if_match_required");
    assert_eq!(fixture.client.patch(&path).if_match(1).json(&json!({})).send().await.expect(412).code(), "stale_version");
    let promoted = fixture.client.patch(&path).if_match(2).json(&json!({ "is_default": true })).send().await.expect(200);
    assert_eq!((promoted.json["is_default"].as_bool(), promoted.version()), (Some(true), 3));
    let closed = fixture.client.patch(&path).if_match(3).json(&json!({ "active": false })).send().await.expect(409);
    assert_eq!(closed.code(), "default_connection_closed");
    let other = format!("/v1/payments/connections/{second}");
    let _ = fixture.client.patch(&other).if_match(2).json(&json!({ "active": false })).send().await.expect(200);
    let refused = fixture.authorise_manual(fixture.ids(), 100, "tok_success").await.unwrap_err();
    assert_eq!(refused.reason, "payment_connection_missing");
    // The provider gets a new webhook secret, and notices signed with it are accepted.
    let rotated = json!({ "webhook_secret": "a-brand-new-secret-of-ours" });
    let _ = fixture.client.patch(&path).if_match(3).json(&rotated).send().await.expect(200);
    fixture.authorised(1000, "tok_duplicate_webhook").await;
    // The provider does not keep a secret that was not stored.
    let other = json!({ "webhook_secret": "another-secret-not-stored" });
    let _ = fixture.client.patch(&path).if_match(3).json(&other).send().await.expect(412);
    let ends = json!({ "webhook_secret": "another-secret-not-stored", "active": false });
    let _ = fixture.client.patch(&path).if_match(4).json(&ends).send().await.expect(409);
    fixture.authorised(1000, "tok_duplicate_webhook").await;
    let older = || fixture.client.patch(&path).if_match(4).key("k").json(&other).send();
    let _ = older().await.expect(200);
    let _ = fixture.client.patch(&path).if_match(5).json(&rotated).send().await.expect(200);
    let _ = older().await.expect(200);
    fixture.authorised(1000, "tok_duplicate_webhook").await;
    for provider in ["sandbox", "manual"] {
        let wanted = json!({ "provider": provider, "name": "Twice" });
        let make = || fixture.client.post("/v1/payments/connections").key(provider).json(&wanted).send();
        assert_eq!(make().await.expect(201).id(), make().await.expect(201).id());
    }
    for bad in [
        json!({ "provider": "stripe" }),
        json!({ "provider": "manual", "credentials": "x".repeat(30) }),
        json!({ "provider": "sandbox", "credentials": "short" }),
    ] {
        let _ = fixture.client.post("/v1/payments/connections").json(&bad).send().await.expect(400);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn notices_follow_the_installation_to_its_current_address() {
    let fixture = Fixture::new().await;
    let current = format!("{}/v1/payments/webhooks/{}", fixture.notices_url, fixture.connection);
    let endpoint = async || {
        let url: String =
            sqlx::query_scalar("select url from endpoint").fetch_one(&mut fixture.sandbox.superuser().await).await.unwrap();
        url
    };
    assert_eq!(endpoint().await, current);
    // The state after the gateway has moved to another port.
    let former = "http://127.0.0.1:9/v1/payments/webhooks/former";
    sqlx::query("update endpoint set url = $1").bind(former).execute(&mut fixture.sandbox.superuser().await).await.unwrap();
    sqlx::query("update connection set webhook_url = $1").bind(former).execute(&mut fixture.env.superuser().await).await.unwrap();
    let ids = fixture.ids();
    fixture.authorise(ids, 1000, "tok_duplicate_webhook").await.unwrap();
    assert_eq!(endpoint().await, current);
    let undelivered = "select count(*) from notice where delivered_at is null";
    eventually("the notices are delivered", async || fixture.provider_sum(undelivered).await == 0).await;
    fixture.until_status(ids.payment, "authorised").await;
    let registered: String =
        sqlx::query_scalar("select webhook_url from connection").fetch_one(&mut fixture.env.superuser().await).await.unwrap();
    assert_eq!(registered, current);
}

#[test]
fn inputs_agree_with_their_schemas() {
    let secret = "a-secret-of-the-merchant-1";
    assert_schema_agrees::<PaymentConnectionCreate>([
        json!({ "provider": "manual" }),
        json!({
            "provider": "sandbox", "name": "Cards", "credentials": secret, "webhook_secret": secret, "is_default": true,
        }),
    ]);
    assert_schema_agrees::<PaymentConnectionUpdate>([
        json!({}),
        json!({ "name": "Cards", "credentials": secret, "webhook_secret": secret, "is_default": true, "active": false }),
    ]);
}
