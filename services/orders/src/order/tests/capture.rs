//! Captures, and captures and refunds at the same time.

use serde_json::json;

use crate::tests::{Fixture, order_path as path};

#[tokio::test(flavor = "multi_thread")]
async fn captures_are_limited_to_the_authorised_amount() {
    let fixture = Fixture::open().await;
    let order = fixture.order(1).await;
    let captures = path(&order, "/captures");
    let post_capture = |key: &str, amount: i64| {
        let body = json!({ "amount": { "amount": amount, "currency": "INR" } });
        fixture.orders.post(&captures).key(key).json(&body).send()
    };
    fixture.orders.post(&captures).json(&json!({})).send().await.expect(400);
    for (amount, status) in [(0, 400), (-1, 400), (1_101, 422), (i64::MAX, 422)] {
        post_capture(&format!("bad {amount}"), amount).await.expect(status);
    }
    let foreign = json!({ "amount": { "amount": 1, "currency": "USD" } });
    let foreign = fixture.orders.post(&captures).key("foreign").json(&foreign).send().await.expect(400);
    assert_eq!(foreign.json["errors"][0]["pointer"], "/amount/currency");
    let first = post_capture("c1", 400).await.expect(201);
    assert_eq!(first.json["status"], "succeeded");
    assert_eq!(post_capture("c1", 400).await.expect(201).json, first.json);
    assert_eq!(post_capture("c1", 401).await.expect(422).code(), "idempotency_key_reused");
    assert_eq!(fixture.read_order(&order["id"]).await["payment_status"], "partially_paid");
    let rest = fixture.orders.post(&captures).key("c2").json(&json!({})).send().await.expect(201);
    assert_eq!(rest.json["amount"]["amount"], 700);
    assert_eq!(post_capture("c3", 1).await.expect(409).code(), "nothing_to_capture");
    let now = fixture.read_order(&order["id"]).await;
    assert_eq!((&now["payment_status"], &now["status"]), (&json!("paid"), &json!("confirmed")));
    fixture.drain().await;
    assert_eq!(fixture.read_order(&order["id"]).await, now, "the payment's own events change nothing more");
    assert_eq!(fixture.breaches().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_capture_of_nothing_is_refused() {
    let fixture = Fixture::open().await;
    let captured = fixture.order(1).await;
    fixture.orders.post(&path(&captured, "/captures")).key("c1").json(&json!({})).send().await.expect(201);
    let voided = fixture.order(1).await;
    fixture.void_at_payments(&voided).await;
    fixture.drain().await;
    for (key, order) in [("c2", captured), ("c3", voided)] {
        let refused = fixture.orders.post(&path(&order, "/captures")).key(key).json(&json!({})).send().await.expect(409);
        assert_eq!(refused.code(), "nothing_to_capture");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn parallel_captures_and_refunds_stay_within_limits() {
    let fixture = Fixture::open().await;
    let order = fixture.order(1).await;
    let amount = |amount: i64| json!({ "amount": { "amount": amount, "currency": "INR" } });
    let captures = path(&order, "/captures");
    let captured = futures::future::join_all(
        (0..8).map(|number| fixture.orders.post(&captures).key(&format!("c{number}")).json(&amount(300)).send()),
    );
    let captured = captured.await.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(captured, 3, "3 × 300 of 1100");
    let refunds = path(&order, "/refunds");
    let refunded = futures::future::join_all(
        (0..8).map(|number| fixture.orders.post(&refunds).key(&format!("r{number}")).json(&amount(400)).send()),
    );
    let refunded = refunded.await.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(refunded, 2, "2 × 400 of 900");
    fixture.drain().await;
    let payment = fixture.all_payments().await[0].clone();
    assert_eq!((&payment["captured"]["amount"], &payment["refunded"]["amount"]), (&json!(900), &json!(800)));
    assert_eq!(fixture.breaches().await, Vec::<String>::new());
}
