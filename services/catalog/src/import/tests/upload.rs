//! Uploads and their idempotency keys.

use chrono::TimeDelta;
use serde_json::json;

use super::super::run::run_import;
use super::{counts, fixture, line, ndjson};

#[tokio::test]
async fn an_upload_is_accepted_once_and_only_whole() {
    let (fixture, _) = fixture().await;
    let post = |body: String| fixture.client.post("/v1/catalog/imports").key("k").raw("application/x-ndjson", body).send();
    let first = post(ndjson([line(1)])).await.expect(202);
    assert_eq!(first.header("idempotent-replayed"), "");
    let (first, again) = (first.id(), post(ndjson([line(1)])).await.expect(202));
    assert_eq!((again.id(), again.header("idempotent-replayed")), (first.clone(), "true"));
    let wrong = fixture.client.post("/v1/catalog/imports").json(&json!({})).send().await.expect(415);
    assert_eq!(wrong.code(), "content_type_unsupported");
    fixture.ended(&first).await;

    // After an interrupted upload no line is applied, and the key can be used again.
    let mut conn = fixture.env.superuser().await;
    sqlx::query("update import_job set status = 'receiving', finished_at = null").execute(&mut conn).await.unwrap();
    assert_eq!(post(String::new()).await.expect(409).code(), "idempotency_in_progress");
    fixture.env.clock.advance(TimeDelta::minutes(10));
    run_import(&fixture.app, &fixture.call(), first.parse().unwrap(), ()).await.unwrap();
    let job = fixture.job(&first).await;
    assert_eq!((&job["status"], &job["failure"]), (&json!("failed"), &json!("upload_interrupted")));
    let second = post(ndjson([line(2)])).await.expect(202).id();
    assert_ne!(second, first);
    assert_eq!(counts(&fixture.ended(&second).await), [1, 1, 0, 1, 0]);
    let list = fixture.client.get("/v1/catalog/imports?limit=1").send().await.expect(200).json;
    assert_eq!((&list["data"][0]["id"], list["page"]["next"].is_string()), (&json!(second), true));
    assert_eq!(counts(&fixture.import([]).await), [0; 5]);

    // It is deleted after thirty days.
    fixture.env.clock.advance(TimeDelta::days(31));
    fixture.wait_for_timers().await;
    let _ = fixture.client.get(&format!("/v1/catalog/imports/{first}")).send().await.expect(404);
}

#[tokio::test]
async fn a_used_idempotency_key_refuses_another_body() {
    let (fixture, _) = fixture().await;
    let post = |body: String| fixture.client.post("/v1/catalog/imports").key("k").raw("application/x-ndjson", body).send();
    let (body, longer) = (ndjson([line(1)]), ndjson([line(1), line(2)]));
    let same_length = ndjson([line(2)]);
    assert_eq!(body.len(), same_length.len());
    let first = post(body.clone()).await.expect(202).id();
    for ended in [false, true] {
        for other in [&longer, &same_length, &String::new()] {
            assert_eq!(post(other.clone()).await.expect(422).code(), "idempotency_key_reused", "{ended}");
        }
        assert_eq!(post(body.clone()).await.expect(202).id(), first);
        assert_eq!(counts(&fixture.ended(&first).await), [1, 1, 0, 1, 0]);
    }
    assert_eq!(fixture.client.get("/v1/catalog/imports").send().await.expect(200).json["data"].as_array().unwrap().len(), 1);
    // Without a digest the length is compared.
    let mut conn = fixture.env.superuser().await;
    sqlx::query("update import_job set digest = null").execute(&mut conn).await.unwrap();
    let _ = post(longer).await.expect(422);
    assert_eq!(post(same_length).await.expect(202).id(), first);
}

#[tokio::test]
async fn a_publishable_key_imports_nothing() {
    let (fixture, _) = fixture().await;
    let body = ndjson([line(1)]);
    let request = fixture.client.post("/v1/catalog/imports").publishable(&["catalog:read"]).raw("application/x-ndjson", body);
    let _ = request.send().await.expect(403);
    let _ = fixture.client.get("/v1/catalog/imports").publishable(&["catalog:read"]).send().await.expect(403);
}
