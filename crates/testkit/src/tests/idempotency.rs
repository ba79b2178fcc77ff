use std::sync::atomic::Ordering;

use bloom_kernel::ChannelId;
use chrono::TimeDelta;
use futures::future::join_all;
use serde_json::json;

use crate::tests::counter;

#[tokio::test]
async fn one_key_one_effect_one_reply() {
    let (_bench, client, effects) = counter().await;
    let step = json!({ "by": 1, "items": [] });
    let first = client.post("/v1/count").key("k").json(&step).send().await.expect(201);
    let again = client.post("/v1/count").key("k").json(&step).send().await.expect(201);
    let quoted = client.post("/v1/count").key("\"k\"").json(&step).send().await.expect(201);
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!((again.json["count"].clone(), again.version()), (first.json["count"].clone(), first.version()));
    assert_eq!(quoted.text, again.text, "the quoted form is the same key");
    assert_eq!(first.json["secret"], "told once");
    assert_eq!(again.json["secret"], serde_json::Value::Null, "a replay does not repeat the secret");
    assert_eq!(effects.load(Ordering::SeqCst), 1);
    let _ = client.post("/v1/count").json(&step).send().await.expect(201);
    let _ = client.post("/v1/count").key("other").json(&step).send().await.expect(201);
    assert_eq!(effects.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_key_belongs_to_one_request_of_one_tenant() {
    let (bench, client, effects) = counter().await;
    let post = |by: i64| client.post("/v1/count").key("k").json(&json!({ "by": by, "items": [] }));
    let _ = post(1).send().await.expect(201);
    assert_eq!(post(2).send().await.expect(422).code(), "idempotency_key_reused");
    let _ = post(2).tenant(bench.other_tenant).send().await.expect(201);
    assert_eq!(effects.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_storefront_gets_no_reply_of_another_caller() {
    let (bench, client, effects) = counter().await;
    let post = || client.post("/v1/count").key("k").json(&json!({ "by": 1, "items": [] }));
    let first = post().send().await.expect(201);
    let again = post().scopes(&["count:write"]).send().await.expect(201);
    assert_eq!(
        (again.header("idempotent-replayed"), &again.json["count"]),
        ("true", &first.json["count"]),
        "a rotated key retries"
    );
    let storefront = post().publishable(&["count:write"]).send().await.expect(422);
    assert_eq!((storefront.code(), storefront.json.get("count")), ("idempotency_key_reused", None));
    let [here, there]: [ChannelId; 2] = [bench.host.id(bench.tenant), bench.host.id(bench.tenant)];
    let ask = || client.post("/v1/count").key("of a visitor").json(&json!({ "by": 1, "items": [] }));
    let shown = |channel| ask().publishable(&["count:write"]).channel(channel);
    let _ = shown(here).send().await.expect(201);
    assert_eq!(shown(here).send().await.expect(201).header("idempotent-replayed"), "true");
    assert_eq!(shown(there).send().await.expect(422).code(), "idempotency_key_reused");
    assert_eq!(effects.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_refusal_does_not_use_up_the_key() {
    let (_bench, client, _) = counter().await;
    let post = |by: i64| client.post("/v1/count").key("k").json(&json!({ "by": by, "items": [] }));
    let _ = post(-1).send().await.expect(400);
    let _ = post(1).send().await.expect(201);
}

#[tokio::test]
async fn fifty_concurrent_requests_have_one_effect() {
    let (bench, client, _) = counter().await;
    let step = json!({ "by": 1, "items": [] });
    let answers = join_all((0..50).map(|_| client.post("/v1/count").key("k").json(&step).send())).await;
    let fresh = answers.iter().filter(|answer| answer.status == 201 && answer.header("idempotent-replayed").is_empty()).count();
    assert_eq!(fresh, 1);
    for answer in &answers {
        assert!(answer.status == 201 || answer.code() == "idempotency_in_progress", "{} {}", answer.status, answer.text);
    }
    // A request that looked for a reply just before the first one committed may have run too; it is refused when its
    // reply is stored.
    let mut read = bench.db.read(bench.tenant).await.expect("a connection");
    let effects = sqlx::query_scalar::<_, i64>("select count(*) from subject_key").fetch_one(&mut *read).await.expect("counted");
    assert_eq!(effects, 1, "the effect itself was committed more than once");
}

#[tokio::test]
async fn a_reply_is_kept_for_a_day_and_then_the_key_is_free() {
    let (bench, client, effects) = counter().await;
    let step = json!({ "by": 1, "items": [] });
    let post = || client.post("/v1/count").key("k").json(&step);
    let _ = post().send().await.expect(201);
    bench.clock.advance(TimeDelta::hours(24) - TimeDelta::minutes(1));
    assert_eq!(post().send().await.expect(201).header("idempotent-replayed"), "true");
    bench.clock.advance(TimeDelta::minutes(2));
    assert_eq!(post().send().await.expect(201).header("idempotent-replayed"), "");
    assert_eq!(effects.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn replies_are_stored_encrypted() {
    let (bench, client, _) = counter().await;
    let _ = client.post("/v1/count").key("k").json(&json!({ "by": 1, "items": [] })).send().await.expect(201);
    let mut connection = bench.superuser().await;
    let body: Vec<u8> =
        sqlx::query_scalar("select body from idempotency").fetch_one(&mut connection).await.expect("the reply is stored");
    assert!(!body.windows(5).any(|window| window == b"count"));
}

#[tokio::test]
async fn a_stored_reply_is_valid_for_its_own_key_only() {
    let (bench, client, effects) = counter().await;
    let post = |key: &str| client.post("/v1/count").key(key).json(&json!({ "by": 1, "items": [] })).send();
    let _ = post("mine").await.expect(201);
    let _ = post("yours").await.expect(201);
    let moved = "update idempotency set body = (select body from idempotency where key = 'mine') where key = 'yours'";
    sqlx::query(moved).execute(&mut bench.superuser().await).await.expect("moved");
    let _ = post("yours").await.expect(500);
    assert_eq!(post("mine").await.expect(201).json["count"], 1);
    assert_eq!(effects.load(Ordering::SeqCst), 2);
}
