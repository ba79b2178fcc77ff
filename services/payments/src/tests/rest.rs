//! The public door.

use bloom_kernel::PaymentId;
use serde_json::json;

use super::Stage;

#[tokio::test(flavor = "multi_thread")]
async fn money_moves_by_rest_once_per_key() {
    let stage = Stage::open().await;
    let payment = stage.authorised(1000, "tok_success").await;
    let captures = format!("/v1/payments/{payment}/captures");
    let ask = json!({ "amount": { "amount": 300, "currency": "INR" } });
    let missing = stage.door.post(&captures).json(&ask).send().await.expect(400);
    assert_eq!(missing.code(), "idempotency_key_required");
    let first = stage.door.post(&captures).key("k1").json(&ask).send().await.expect(201);
    assert_eq!((first.json["status"].as_str(), &first.json["amount"]["amount"]), (Some("success"), &json!(300)));
    let again = stage.door.post(&captures).key("k1").json(&ask).send().await.expect(201);
    assert_eq!((again.text.as_str(), again.header("idempotent-replayed")), (first.text.as_str(), "true"));
    let other = json!({ "amount": { "amount": 301, "currency": "INR" } });
    assert_eq!(stage.door.post(&captures).key("k1").json(&other).send().await.expect(422).code(), "idempotency_key_reused");
    let foreign = json!({ "amount": { "amount": 1, "currency": "EUR" } });
    assert_eq!(stage.door.post(&captures).key("k2").json(&foreign).send().await.expect(400).code(), "currency_mismatch");
    let card = stage.door.post(&captures).key("4242424242424242").json(&ask).send().await.expect(422);
    assert_eq!(card.code(), "card_number_refused");
    let over = json!({ "amount": { "amount": 701, "currency": "INR" } });
    let over = stage.door.post(&captures).key("k3").json(&over).send().await.expect(422);
    assert_eq!((over.code(), over.json["errors"][0]["pointer"].as_str()), ("capture_exceeds_authorised", Some("/amount/amount")));
    for bad in [json!({ "amount": 5 }), json!({ "amout": {} }), json!({ "amount": { "amount": 1.5, "currency": "INR" } })] {
        stage.door.post(&captures).key("k4").json(&bad).send().await.expect(400).status.to_string();
    }
    // What is left, by saying nothing.
    let voided = stage.door.post(&format!("/v1/payments/{payment}/voids")).key("v1").json(&json!({})).send().await.expect(201);
    assert_eq!(voided.json["amount"]["amount"], 700);
    let nothing = stage.door.post(&format!("/v1/payments/{payment}/voids")).key("v2").json(&json!({})).send().await.expect(409);
    assert_eq!(nothing.code(), "nothing_to_void");
    let refunded =
        stage.door.post(&format!("/v1/payments/{payment}/refunds")).key("k1").json(&json!({})).send().await.expect(201);
    assert_eq!((refunded.json["kind"].as_str(), &refunded.json["amount"]["amount"]), (Some("refund"), &json!(300)));
    for (path, key, code) in [("captures", "n1", "nothing_to_capture"), ("refunds", "n2", "nothing_to_refund")] {
        let path = format!("/v1/payments/{payment}/{path}");
        assert_eq!(stage.door.post(&path).key(key).json(&json!({})).send().await.expect(409).code(), code);
    }
    let fetched = stage.door.get(&format!("/v1/payments/{payment}")).send().await.expect(200);
    assert_eq!(fetched.json["status"], "refunded");
    assert_eq!(fetched.version(), fetched.json["version"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn people_handle_manual_payments() {
    let stage = Stage::open().await;
    stage.connect(json!({ "provider": "manual", "name": "Bank transfer" })).await;
    let ids = stage.ids();
    let reply = stage.authorise_with(ids, 1000, "", "manual").await.unwrap();
    assert_eq!((reply.status.as_str(), reply.provider.as_str()), ("pending", "manual"));
    let confirmations = format!("/v1/payments/{}/confirmations", ids.payment);
    let said = json!({ "outcome": "authorised", "reference": "transfer 77" });
    assert_eq!(stage.door.post(&confirmations).json(&said).send().await.expect(400).code(), "idempotency_key_required");
    let first = stage.door.post(&confirmations).key("c1").json(&said).send().await.expect(200);
    assert_eq!(first.json["status"], "authorised");
    let again = stage.door.post(&confirmations).key("c1").json(&said).send().await.expect(200);
    assert_eq!(again.text, first.text);
    let changed = json!({ "outcome": "failed" });
    assert_eq!(stage.door.post(&confirmations).key("c2").json(&changed).send().await.expect(409).code(), "payment_settled");
    let captures = format!("/v1/payments/{}/captures", ids.payment);
    let drawn = stage.door.post(&captures).key("m1").json(&json!({})).send().await.expect(201);
    assert_eq!(drawn.json["status"], "success");
    assert_eq!(stage.payment(ids.payment).await.captured_amount, 1000);
    // At once, by the token; and a failure that people report.
    let at_once = stage.authorise_with(stage.ids(), 1000, "tok_success", "manual").await.unwrap();
    assert_eq!(at_once.status, "authorised");
    let ids = stage.ids();
    stage.authorise_with(ids, 1000, "", "manual").await.unwrap();
    let failed = stage.door.post(&format!("/v1/payments/{}/confirmations", ids.payment)).key("c3").json(&changed).send().await;
    assert_eq!(failed.expect(200).json["status"], "failed");
    let card = stage.authorised(1000, "tok_success").await;
    let refused = stage.door.post(&format!("/v1/payments/{card}/confirmations")).key("c4").json(&said).send().await.expect(409);
    assert_eq!(refused.code(), "payment_not_manual");
    assert_eq!(stage.breaches().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_are_paged_and_filtered() {
    let stage = Stage::open().await;
    let mut payments = Vec::new();
    for token in ["tok_success", "tok_decline", "tok_success", "tok_success"] {
        let ids = stage.ids();
        stage.authorise(ids, 1000, token).await.unwrap();
        payments.push(ids);
        stage.bench.clock.advance(chrono::TimeDelta::milliseconds(5));
    }
    let mut seen: Vec<String> = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = stage.door.get(&format!("/v1/payments?limit=3{cursor}")).send().await.expect(200);
        seen.extend(page.json["data"].as_array().unwrap().iter().map(|payment| payment["id"].as_str().unwrap().to_owned()));
        match page.json["page"]["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    let youngest_first: Vec<String> = payments.iter().rev().map(|ids| ids.payment.to_string()).collect();
    assert_eq!(seen, youngest_first);
    let failed = stage.door.get("/v1/payments?status=failed").send().await.expect(200);
    assert_eq!(failed.json["data"].as_array().unwrap().len(), 1);
    let one = stage.door.get(&format!("/v1/payments?checkout_id={}", payments[0].checkout)).send().await.expect(200);
    assert_eq!(one.json["data"][0]["id"], payments[0].payment.to_string());
    let tampered = stage.door.get(&format!("/v1/payments?status=failed{cursor}")).send().await.expect(400);
    assert_eq!(tampered.code(), "cursor_invalid");
    let journals = stage.door.get("/v1/payments/journals?limit=2").send().await.expect(200);
    assert_eq!(journals.json["data"].as_array().unwrap().len(), 2);
    assert!(journals.json["page"]["next"].is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_sees_what_is_not_theirs() {
    let stage = Stage::open().await;
    let payment = stage.authorised(1000, "tok_success").await;
    let unknown: PaymentId = stage.ids().payment;
    for path in ["", "/journal", "/operations"] {
        let theirs = stage.door.get(&format!("/v1/payments/{payment}{path}")).tenant(stage.stranger()).send().await.expect(404);
        let none = stage.door.get(&format!("/v1/payments/{unknown}{path}")).tenant(stage.stranger()).send().await.expect(404);
        assert_eq!(theirs.json["detail"], none.json["detail"]);
    }
    for path in ["captures", "voids", "refunds", "confirmations"] {
        let body = if path == "confirmations" { json!({ "outcome": "authorised" }) } else { json!({}) };
        let ask = stage.door.post(&format!("/v1/payments/{payment}/{path}")).key("x").json(&body);
        let _ = ask.tenant(stage.stranger()).send().await.expect(404);
    }
    let connection = format!("/v1/payments/connections/{}", stage.connection);
    let _ = stage.door.get(&connection).tenant(stage.stranger()).send().await.expect(404);
    let patch = stage.door.patch(&connection).if_match(1).json(&json!({ "name": "mine" }));
    let _ = patch.tenant(stage.stranger()).send().await.expect(404);
    assert_eq!(stage.door.get("/v1/payments").tenant(stage.stranger()).send().await.expect(200).json["data"], json!([]));

    let shown = stage.door.get(&format!("/v1/payments/{payment}")).publishable(&["payments:read"]).send().await.expect(200);
    assert_eq!(shown.id(), payment.to_string());
    for path in ["/v1/payments", "/v1/payments/journals", "/v1/payments/connections"] {
        let refused = stage.door.get(path).publishable(&["payments:read"]).send().await.expect(403);
        assert_eq!(refused.json["policy"], "audience:secret");
    }
    let _ = stage.door.get("/v1/payments").anonymous().send().await.expect(401);
    let write = stage.door.post(&format!("/v1/payments/{payment}/captures")).key("y").json(&json!({}));
    let _ = write.scopes(&["payments:read"]).send().await.expect(403);
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_keep_their_secrets_and_one_is_the_default() {
    let stage = Stage::open().await;
    let path = format!("/v1/payments/connections/{}", stage.connection);
    let shown = stage.door.get(&path).send().await.expect(200);
    assert_eq!(shown.json["webhook_url"], format!("{}/v1/payments/webhooks/{}", stage.notices_url, stage.connection));
    assert!(!shown.text.contains("sbx_") && !shown.text.contains("secret"), "{}", shown.text);
    let sealed: Vec<u8> =
        sqlx::query_scalar("select credentials from connection").fetch_one(&mut stage.bench.superuser().await).await.unwrap();
    assert!(!String::from_utf8_lossy(&sealed).contains("sbx_"));

    let second = stage.connect(json!({ "provider": "manual", "is_default": true })).await;
    assert_eq!(stage.door.get(&path).send().await.expect(200).json["is_default"], false);
    let no_match = stage.door.patch(&path).json(&json!({ "is_default": true })).send().await.expect(428);
    assert_eq!(no_match.code(), "if_match_required");
    assert_eq!(stage.door.patch(&path).if_match(1).json(&json!({})).send().await.expect(412).code(), "stale_version");
    let promoted = stage.door.patch(&path).if_match(2).json(&json!({ "is_default": true })).send().await.expect(200);
    assert_eq!((promoted.json["is_default"].as_bool(), promoted.version()), (Some(true), 3));
    let closed = stage.door.patch(&path).if_match(3).json(&json!({ "active": false })).send().await.expect(409);
    assert_eq!(closed.code(), "default_connection_closed");
    let other = format!("/v1/payments/connections/{second}");
    let _ = stage.door.patch(&other).if_match(2).json(&json!({ "active": false })).send().await.expect(200);
    let refused = stage.authorise_with(stage.ids(), 100, "tok_success", "manual").await.unwrap_err();
    assert_eq!(bloom_fault::Fault::from(refused).reason, "payment_connection_missing");
    // A new webhook secret is the provider's too: what is signed with it is believed.
    let rotated = json!({ "webhook_secret": "a-brand-new-secret-of-ours" });
    let _ = stage.door.patch(&path).if_match(3).json(&rotated).send().await.expect(200);
    stage.authorised(1000, "tok_duplicate_webhook").await;
    // A secret that is not stored is not the provider's either.
    let other = json!({ "webhook_secret": "another-secret-not-stored" });
    let _ = stage.door.patch(&path).if_match(3).json(&other).send().await.expect(412);
    let ends = json!({ "webhook_secret": "another-secret-not-stored", "active": false });
    let _ = stage.door.patch(&path).if_match(4).json(&ends).send().await.expect(409);
    stage.authorised(1000, "tok_duplicate_webhook").await;
    let older = || stage.door.patch(&path).if_match(4).key("k").json(&other).send();
    let _ = older().await.expect(200);
    let _ = stage.door.patch(&path).if_match(5).json(&rotated).send().await.expect(200);
    let _ = older().await.expect(200);
    stage.authorised(1000, "tok_duplicate_webhook").await;
    for provider in ["sandbox", "manual"] {
        let wanted = json!({ "provider": provider, "name": "Twice" });
        let make = || stage.door.post("/v1/payments/connections").key(provider).json(&wanted).send();
        assert_eq!(make().await.expect(201).id(), make().await.expect(201).id());
    }
    for bad in [
        json!({ "provider": "stripe" }),
        json!({ "provider": "manual", "credentials": "x".repeat(30) }),
        json!({ "provider": "sandbox", "credentials": "short" }),
    ] {
        let _ = stage.door.post("/v1/payments/connections").json(&bad).send().await.expect(400);
    }
}
