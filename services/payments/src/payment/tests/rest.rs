//! The REST endpoints of payments.

use bloom_kernel::PaymentId;
use bloom_testkit::assert_schema_agrees;
use serde_json::json;

use crate::payment::confirm::ConfirmationCreate;
use crate::payment::movement::MovementCreate;
use crate::payment::void::VoidCreate;
use crate::tests::Fixture;

#[tokio::test(flavor = "multi_thread")]
async fn an_idempotency_key_moves_money_once() {
    let fixture = Fixture::new().await;
    let payment = fixture.authorised(1000, "tok_success").await;
    let captures = format!("/v1/payments/{payment}/captures");
    let part = json!({ "amount": { "amount": 300, "currency": "INR" } });
    let missing = fixture.client.post(&captures).json(&part).send().await.expect(400);
    assert_eq!(missing.code(), "idempotency_key_required");
    let first = fixture.client.post(&captures).key("k1").json(&part).send().await.expect(201);
    assert_eq!((first.json["status"].as_str(), &first.json["amount"]["amount"]), (Some("succeeded"), &json!(300)));
    let again = fixture.client.post(&captures).key("k1").json(&part).send().await.expect(201);
    assert_eq!((again.text.as_str(), again.header("idempotent-replayed")), (first.text.as_str(), "true"));
    let other = json!({ "amount": { "amount": 301, "currency": "INR" } });
    assert_eq!(fixture.client.post(&captures).key("k1").json(&other).send().await.expect(422).code(), "idempotency_key_reused");
    let foreign = json!({ "amount": { "amount": 1, "currency": "EUR" } });
    assert_eq!(fixture.client.post(&captures).key("k2").json(&foreign).send().await.expect(400).code(), "currency_mismatch");
    let card = fixture.client.post(&captures).key("4242424242424242").json(&part).send().await.expect(422);
    assert_eq!(card.code(), "card_number_refused");
    let over = json!({ "amount": { "amount": 701, "currency": "INR" } });
    let over = fixture.client.post(&captures).key("k3").json(&over).send().await.expect(422);
    assert_eq!((over.code(), over.json["errors"][0]["pointer"].as_str()), ("capture_exceeds_authorised", Some("/amount/amount")));
    for bad in [json!({ "amount": 5 }), json!({ "amout": {} }), json!({ "amount": { "amount": 1.5, "currency": "INR" } })] {
        fixture.client.post(&captures).key("k4").json(&bad).send().await.expect(400).status.to_string();
    }
    // Without an amount: all that is left.
    let voids = format!("/v1/payments/{payment}/voids");
    let reason = json!({ "reason": "changed my mind" });
    let refused = fixture.client.post(&voids).key("v0").json(&reason).send().await.expect(400);
    assert_eq!((refused.code(), refused.json["errors"][0]["code"].as_str()), ("invalid_request", Some("unknown_field")));
    let voided = fixture.client.post(&voids).key("v1").json(&json!({})).send().await.expect(201);
    assert_eq!(voided.json["amount"]["amount"], 700);
    let nothing = fixture.client.post(&voids).key("v2").json(&json!({})).send().await.expect(409);
    assert_eq!(nothing.code(), "nothing_to_void");
    let refunded =
        fixture.client.post(&format!("/v1/payments/{payment}/refunds")).key("k1").json(&json!({})).send().await.expect(201);
    assert_eq!((refunded.json["kind"].as_str(), &refunded.json["amount"]["amount"]), (Some("refund"), &json!(300)));
    for (path, key, code) in [("captures", "n1", "nothing_to_capture"), ("refunds", "n2", "nothing_to_refund")] {
        let path = format!("/v1/payments/{payment}/{path}");
        assert_eq!(fixture.client.post(&path).key(key).json(&json!({})).send().await.expect(409).code(), code);
    }
    let fetched = fixture.client.get(&format!("/v1/payments/{payment}")).send().await.expect(200);
    assert_eq!(fetched.json["status"], "refunded");
    assert_eq!(fetched.version(), fetched.json["version"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merchant_confirms_manual_payments() {
    let fixture = Fixture::new().await;
    fixture.connect(json!({ "provider": "manual", "name": "Bank transfer" })).await;
    let ids = fixture.ids();
    let reply = fixture.authorise_manual(ids, 1000, "").await.unwrap();
    assert_eq!((reply.status.as_str(), reply.provider.as_str()), ("pending", "manual"));
    let confirmations = format!("/v1/payments/{}/confirmations", ids.payment);
    let confirmation = json!({ "outcome": "authorised", "reference": "transfer 77" });
    assert_eq!(
        fixture.client.post(&confirmations).json(&confirmation).send().await.expect(400).code(),
        "idempotency_key_required"
    );
    let first = fixture.client.post(&confirmations).key("c1").json(&confirmation).send().await.expect(200);
    assert_eq!(first.json["status"], "authorised");
    let again = fixture.client.post(&confirmations).key("c1").json(&confirmation).send().await.expect(200);
    assert_eq!(again.text, first.text);
    let changed = json!({ "outcome": "failed" });
    assert_eq!(fixture.client.post(&confirmations).key("c2").json(&changed).send().await.expect(409).code(), "payment_settled");
    let captures = format!("/v1/payments/{}/captures", ids.payment);
    let drawn = fixture.client.post(&captures).key("m1").json(&json!({})).send().await.expect(201);
    assert_eq!(drawn.json["status"], "succeeded");
    assert_eq!(fixture.payment(ids.payment).await.captured.amount(), 1000);
    // At once, by the token; and a failure that the merchant reports.
    let at_once = fixture.authorise_manual(fixture.ids(), 1000, "tok_success").await.unwrap();
    assert_eq!(at_once.status.as_str(), "authorised");
    let ids = fixture.ids();
    fixture.authorise_manual(ids, 1000, "").await.unwrap();
    let failed =
        fixture.client.post(&format!("/v1/payments/{}/confirmations", ids.payment)).key("c3").json(&changed).send().await;
    assert_eq!(failed.expect(200).json["status"], "failed");
    let card = fixture.authorised(1000, "tok_success").await;
    let refused =
        fixture.client.post(&format!("/v1/payments/{card}/confirmations")).key("c4").json(&confirmation).send().await.expect(409);
    assert_eq!(refused.code(), "payment_not_manual");
    assert_eq!(fixture.breaches().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_are_paged_and_filtered() {
    let fixture = Fixture::new().await;
    let mut payments = Vec::new();
    for token in ["tok_success", "tok_decline", "tok_success", "tok_success"] {
        let ids = fixture.ids();
        fixture.authorise(ids, 1000, token).await.unwrap();
        payments.push(ids);
        fixture.env.clock.advance(chrono::TimeDelta::milliseconds(5));
    }
    let mut seen: Vec<String> = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = fixture.client.get(&format!("/v1/payments?limit=3{cursor}")).send().await.expect(200);
        seen.extend(page.json["data"].as_array().unwrap().iter().map(|payment| payment["id"].as_str().unwrap().to_owned()));
        match page.json["page"]["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    let newest_first: Vec<String> = payments.iter().rev().map(|ids| ids.payment.to_string()).collect();
    assert_eq!(seen, newest_first);
    let failed = fixture.client.get("/v1/payments?status=failed").send().await.expect(200);
    assert_eq!(failed.json["data"].as_array().unwrap().len(), 1);
    let one = fixture.client.get(&format!("/v1/payments?checkout_id={}", payments[0].checkout)).send().await.expect(200);
    assert_eq!(one.json["data"][0]["id"], payments[0].payment.to_string());
    let tampered = fixture.client.get(&format!("/v1/payments?status=failed{cursor}")).send().await.expect(400);
    assert_eq!(tampered.code(), "cursor_invalid");
    let journals = fixture.client.get("/v1/payments/journals?limit=2").send().await.expect(200);
    assert_eq!(journals.json["data"].as_array().unwrap().len(), 2);
    assert!(journals.json["page"]["next"].is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn other_tenants_and_publishable_keys_see_nothing() {
    let fixture = Fixture::new().await;
    let payment = fixture.authorised(1000, "tok_success").await;
    let unknown: PaymentId = fixture.ids().payment;
    for path in ["", "/journal", "/operations"] {
        let theirs = fixture
            .client
            .get(&format!("/v1/payments/{payment}{path}"))
            .tenant(fixture.env.other_tenant)
            .send()
            .await
            .expect(404);
        let none = fixture
            .client
            .get(&format!("/v1/payments/{unknown}{path}"))
            .tenant(fixture.env.other_tenant)
            .send()
            .await
            .expect(404);
        assert_eq!(theirs.json["detail"], none.json["detail"]);
    }
    for path in ["captures", "voids", "refunds", "confirmations"] {
        let body = if path == "confirmations" { json!({ "outcome": "authorised" }) } else { json!({}) };
        let request = fixture.client.post(&format!("/v1/payments/{payment}/{path}")).key("x").json(&body);
        let _ = request.tenant(fixture.env.other_tenant).send().await.expect(404);
    }
    let connection = format!("/v1/payments/connections/{}", fixture.connection);
    let _ = fixture.client.get(&connection).tenant(fixture.env.other_tenant).send().await.expect(404);
    let patch = fixture.client.patch(&connection).if_match(1).json(&json!({ "name": "mine" }));
    let _ = patch.tenant(fixture.env.other_tenant).send().await.expect(404);
    assert_eq!(
        fixture.client.get("/v1/payments").tenant(fixture.env.other_tenant).send().await.expect(200).json["data"],
        json!([])
    );

    let shown = fixture.client.get(&format!("/v1/payments/{payment}")).publishable(&["payments:read"]).send().await.expect(200);
    assert_eq!(shown.id(), payment.to_string());
    for path in ["/v1/payments", "/v1/payments/journals", "/v1/payments/connections"] {
        let refused = fixture.client.get(path).publishable(&["payments:read"]).send().await.expect(403);
        assert_eq!(refused.json["policy"], "audience:secret");
    }
    let _ = fixture.client.get("/v1/payments").anonymous().send().await.expect(401);
    let write = fixture.client.post(&format!("/v1/payments/{payment}/captures")).key("y").json(&json!({}));
    let _ = write.scopes(&["payments:read"]).send().await.expect(403);
}

#[test]
fn inputs_agree_with_their_schemas() {
    let amount = json!({ "amount": { "amount": 300, "currency": "INR" } });
    assert_schema_agrees::<MovementCreate>([json!({}), amount]);
    assert_schema_agrees::<VoidCreate>([json!({})]);
    assert_schema_agrees::<ConfirmationCreate>([
        json!({ "outcome": "authorised", "reference": "NEFT 4711" }),
        json!({ "outcome": "failed", "message": "The transfer did not arrive." }),
    ]);
}
