//! Replacing keys: two work, never three.

use chrono::TimeDelta;
use serde_json::json;

use super::{Shop, key_id_of, secret_of};

#[tokio::test]
async fn both_keys_work_for_the_overlap() {
    let shop = Shop::open().await;
    let made = shop.create_key(json!({ "kind": "secret", "name": "ERP", "scopes": ["orders:read"] })).await.expect(201);
    let (old_id, old) = (key_id_of(&made), secret_of(&made));
    let before = shop.revocations(0).await.cursor;
    let rotated = shop.ask("POST", &format!("/v1/identity/api-keys/{old_id}/rotate")).json(&json!({ "overlap_s": 3600 })).send();
    let rotated = rotated.await.expect(201);
    let new = secret_of(&rotated);
    assert_eq!(rotated.json["api_key"]["rotated_from"], old_id);
    assert_eq!(rotated.json["api_key"]["scopes"], json!(["orders:read"]));
    assert!(rotated.json["api_key"]["expires_at"].is_null());

    // Gateways hold the old key without its new end: they must ask again.
    assert_eq!(shop.revocations(before).await.key_ids.concat(), old_id);
    let end = shop.bench.clock.time() + TimeDelta::hours(1);
    let holder = shop.resolve(&old).await.unwrap();
    assert_eq!(holder.expires_at.parse::<bloom_kernel::Timestamp>().unwrap(), end);
    assert!(shop.resolve(&new).await.is_ok());
    let old_key = shop.ask("GET", &format!("/v1/identity/api-keys/{old_id}")).send().await.expect(200);
    assert_eq!((&old_key.json["rotated_to"], &old_key.json["version"]), (&rotated.json["api_key"]["id"], &json!(2)));

    shop.bench.clock.advance(TimeDelta::hours(1));
    assert!(shop.resolve(&old).await.is_err() && shop.resolve(&new).await.is_ok());
}

#[tokio::test]
async fn a_third_key_waits_for_the_end_of_the_first() {
    let shop = Shop::open().await;
    let rotate = async |id: &str| shop.ask("POST", &format!("/v1/identity/api-keys/{id}/rotate")).json(&json!({})).send().await;
    let first = key_id_of(&shop.create_key(json!({ "kind": "secret", "name": "ERP" })).await.expect(201));
    let second = key_id_of(&rotate(&first).await.expect(201));
    assert_eq!(rotate(&first).await.expect(409).code(), "api_key_rotated");
    assert_eq!(rotate(&second).await.expect(409).code(), "rotation_in_progress");
    let _ = shop.ask("POST", &format!("/v1/identity/api-keys/{first}/revoke")).send().await.expect(200);
    let third = key_id_of(&rotate(&second).await.expect(201));
    shop.bench.clock.advance(TimeDelta::hours(24));
    let fourth = key_id_of(&rotate(&third).await.expect(201));
    let _ = shop.ask("POST", &format!("/v1/identity/api-keys/{fourth}/revoke")).send().await.expect(200);
    assert_eq!(rotate(&fourth).await.expect(409).code(), "api_key_inactive");
}

#[tokio::test]
async fn of_two_at_once_one_wins() {
    let shop = Shop::open().await;
    let id = key_id_of(&shop.create_key(json!({ "kind": "secret", "name": "ERP" })).await.expect(201));
    let path = format!("/v1/identity/api-keys/{id}/rotate");
    let body = json!({});
    let asks = (0..8).map(|_| shop.ask("POST", &path).json(&body).send());
    let answers = futures::future::join_all(asks).await;
    let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409, 409, 409, 409, 409, 409]);
}

#[tokio::test]
async fn a_key_for_a_month_is_followed_by_one_for_a_month() {
    let shop = Shop::open().await;
    let end = shop.bench.clock.time() + TimeDelta::days(30);
    let made = shop.create_key(json!({ "kind": "secret", "name": "ERP", "expires_at": end })).await.expect(201);
    shop.bench.clock.advance(TimeDelta::days(29));
    let path = format!("/v1/identity/api-keys/{}/rotate", key_id_of(&made));
    let rotated = shop.ask("POST", &path).json(&json!({ "overlap_s": 2_592_000 })).send().await.expect(201);
    let next_end = shop.bench.clock.time() + TimeDelta::days(30);
    assert_eq!(rotated.json["api_key"]["expires_at"], json!(next_end));
    // The overlap does not prolong the old one.
    let old = shop.ask("GET", &format!("/v1/identity/api-keys/{}", key_id_of(&made))).send().await.expect(200);
    assert_eq!(old.json["expires_at"], json!(end));
}
