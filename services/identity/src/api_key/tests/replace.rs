//! Replacing keys, and revoking them.

use bloom_fault::Code;
use chrono::TimeDelta;
use serde_json::json;

use super::super::revocation::purge_revocations;
use crate::tests::{Fixture, key_id_of, secret_of};

#[tokio::test]
async fn both_keys_work_during_the_overlap() {
    let fixture = Fixture::new().await;
    let made = fixture.create_key(json!({ "kind": "secret", "name": "ERP", "scopes": ["orders:read"] })).await.expect(201);
    let (old_id, old) = (key_id_of(&made), secret_of(&made));
    let before = fixture.revocations(0).await.cursor;
    let rotated =
        fixture.request("POST", &format!("/v1/identity/api-keys/{old_id}/rotate")).json(&json!({ "overlap_s": 3600 })).send();
    let rotated = rotated.await.expect(201);
    let new = secret_of(&rotated);
    assert_eq!(rotated.json["api_key"]["rotated_from"], old_id);
    assert_eq!(rotated.json["api_key"]["scopes"], json!(["orders:read"]));
    assert!(rotated.json["api_key"]["expires_at"].is_null());

    // Gateways have cached the old key without its new end, so it is listed.
    assert_eq!(fixture.revocations(before).await.key_ids.concat(), old_id);
    let end = fixture.env.clock.time() + TimeDelta::hours(1);
    let holder = fixture.resolve(&old).await.unwrap();
    assert_eq!(holder.expires_at.parse::<bloom_kernel::Timestamp>().unwrap(), end);
    assert!(fixture.resolve(&new).await.is_ok());
    let old_key = fixture.request("GET", &format!("/v1/identity/api-keys/{old_id}")).send().await.expect(200);
    assert_eq!((&old_key.json["rotated_to"], &old_key.json["version"]), (&rotated.json["api_key"]["id"], &json!(2)));

    fixture.env.clock.advance(TimeDelta::hours(1));
    assert!(fixture.resolve(&old).await.is_err() && fixture.resolve(&new).await.is_ok());
}

#[tokio::test]
async fn a_third_active_key_is_refused() {
    let fixture = Fixture::new().await;
    let rotate =
        async |id: &str| fixture.request("POST", &format!("/v1/identity/api-keys/{id}/rotate")).json(&json!({})).send().await;
    let first = key_id_of(&fixture.create_key(json!({ "kind": "secret", "name": "ERP" })).await.expect(201));
    let second = key_id_of(&rotate(&first).await.expect(201));
    assert_eq!(rotate(&first).await.expect(409).code(), "api_key_rotated");
    assert_eq!(rotate(&second).await.expect(409).code(), "rotation_in_progress");
    let _ = fixture.request("POST", &format!("/v1/identity/api-keys/{first}/revoke")).send().await.expect(200);
    let third = key_id_of(&rotate(&second).await.expect(201));
    fixture.env.clock.advance(TimeDelta::hours(24));
    let fourth = key_id_of(&rotate(&third).await.expect(201));
    let _ = fixture.request("POST", &format!("/v1/identity/api-keys/{fourth}/revoke")).send().await.expect(200);
    assert_eq!(rotate(&fourth).await.expect(409).code(), "api_key_inactive");
}

#[tokio::test]
async fn of_concurrent_rotations_one_succeeds() {
    let fixture = Fixture::new().await;
    let id = key_id_of(&fixture.create_key(json!({ "kind": "secret", "name": "ERP" })).await.expect(201));
    let path = format!("/v1/identity/api-keys/{id}/rotate");
    let body = json!({});
    let requests = (0..8).map(|_| fixture.request("POST", &path).json(&body).send());
    let answers = futures::future::join_all(requests).await;
    let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409, 409, 409, 409, 409, 409]);
}

#[tokio::test]
async fn a_successor_has_the_lifetime_of_the_old_key() {
    let fixture = Fixture::new().await;
    let end = fixture.env.clock.time() + TimeDelta::days(30);
    let made = fixture.create_key(json!({ "kind": "secret", "name": "ERP", "expires_at": end })).await.expect(201);
    fixture.env.clock.advance(TimeDelta::days(29));
    let path = format!("/v1/identity/api-keys/{}/rotate", key_id_of(&made));
    let rotated = fixture.request("POST", &path).json(&json!({ "overlap_s": 2_592_000 })).send().await.expect(201);
    let next_end = fixture.env.clock.time() + TimeDelta::days(30);
    assert_eq!(rotated.json["api_key"]["expires_at"], json!(next_end));
    // The overlap does not prolong the old one.
    let old = fixture.request("GET", &format!("/v1/identity/api-keys/{}", key_id_of(&made))).send().await.expect(200);
    assert_eq!(old.json["expires_at"], json!(end));
}

#[tokio::test]
async fn bad_rotations_are_refused() {
    let fixture = Fixture::new().await;
    let path = format!("/v1/identity/api-keys/{}/rotate", fixture.account.live.secret_key.api_key.id);
    for wrong in [json!({ "overlap_s": 2_592_001 }), json!({ "overlap_s": -1 }), json!({ "overlap": 1 }), json!([])] {
        let refused = fixture.request("POST", &path).json(&wrong).send().await;
        assert_eq!(refused.status, 400, "{wrong}: {}", refused.text);
    }
}

#[tokio::test]
async fn a_revoked_key_is_listed_and_resolves_no_more() {
    let fixture = Fixture::new().await;
    let created = fixture.create_key(json!({ "kind": "secret", "name": "ERP" })).await.expect(201);
    let (id, token) = (key_id_of(&created), secret_of(&created));
    let before = fixture.resolve(&token).await.unwrap().revocations_cursor;
    assert_eq!(fixture.revocations(before).await.key_ids, Vec::<String>::new());

    let path = format!("/v1/identity/api-keys/{id}/revoke");
    let revoked = fixture.request("POST", &path).send().await.expect(200);
    assert_eq!((&revoked.json["version"], revoked.json["revoked_at"].is_string()), (&json!(2), true));
    let listed = fixture.revocations(before).await;
    assert_eq!(listed.key_ids, [id]);
    assert!(before < listed.cursor);
    assert_eq!(fixture.resolve(&token).await.unwrap_err().code, Code::NotFound);

    let again = fixture.request("POST", &path).send().await.expect(200);
    assert_eq!(again.json, revoked.json);
    let unchanged = fixture.revocations(listed.cursor).await;
    assert_eq!((unchanged.key_ids.len(), unchanged.cursor), (0, listed.cursor));
    // A cursor of a database that was since restored to an earlier state.
    assert_eq!(fixture.revocations(listed.cursor + 100).await.key_ids.len(), 1);
}

#[tokio::test]
async fn old_revocations_are_deleted() {
    let fixture = Fixture::new().await;
    let id = fixture.account.live.secret_key.api_key.id;
    let _ = fixture.request("POST", &format!("/v1/identity/api-keys/{id}/revoke")).send().await.expect(200);
    purge_revocations(&fixture.app()).await.unwrap();
    let listed = fixture.revocations(0).await;
    assert_eq!(listed.key_ids.len(), 1);
    fixture.env.clock.advance(TimeDelta::days(8));
    purge_revocations(&fixture.app()).await.unwrap();
    let kept = fixture.revocations(0).await;
    assert_eq!((kept.key_ids.len(), kept.cursor), (0, listed.cursor));
}
