//! Refunds.

use serde_json::json;

use crate::tests::{Fixture, line, order_path as path};

#[tokio::test(flavor = "multi_thread")]
async fn refunds_of_a_line_add_up_to_what_was_paid() {
    let fixture = Fixture::open().await;
    let odd = fixture.product("ODD", 333, 10).await;
    let guest = fixture.cart_of(&odd, 3).await;
    let order = fixture.checkout(&guest, "k", "tok_success").send().await.expect(201).json["order"].clone();
    let refunds = path(&order, "/refunds");
    let one = json!({ "lines": [{ "line_id": line(&order), "quantity": 1 }] });
    let early = fixture.orders.post(&refunds).key("r0").json(&one).send().await.expect(422);
    assert_eq!(early.code(), "refund_exceeds_paid", "nothing is captured yet");
    fixture.orders.post(&path(&order, "/captures")).key("c").json(&json!({})).send().await.expect(201);
    fixture.orders.post(&refunds).json(&one).send().await.expect(400);
    let mut refunded = 0;
    for key in ["r1", "r2", "r3"] {
        let refund = fixture.orders.post(&refunds).key(key).json(&one).send().await.expect(201);
        assert_eq!(refund.json["status"], "succeeded");
        let again = fixture.orders.post(&refunds).key(key).json(&one).send().await.expect(201);
        assert_eq!(again.json, refund.json);
        refunded += refund.json["amount"]["amount"].as_i64().unwrap();
    }
    assert_eq!(refunded, 999);
    let more = fixture.orders.post(&refunds).key("r4").json(&one).send().await.expect(422);
    assert_eq!(more.code(), "quantity_exceeds_left");
    let amount = |amount: i64| json!({ "amount": { "amount": amount, "currency": "INR" }, "reason": "late" });
    let more = fixture.orders.post(&refunds).key("r5").json(&amount(101)).send().await.expect(422);
    assert_eq!((more.code(), &more.json["errors"][0]["pointer"]), ("refund_exceeds_paid", &json!("/amount/amount")));
    assert_eq!(fixture.read_order(&order["id"]).await["payment_status"], "partially_refunded");
    fixture.orders.post(&refunds).key("r6").json(&amount(100)).send().await.expect(201);
    let now = fixture.read_order(&order["id"]).await;
    assert_eq!(
        (&now["payment_status"], &now["lines"][0]["refunded"]["amount"], &now["total"]),
        (&json!("refunded"), &json!(999), &order["total"])
    );
    for bad in [
        json!({}),
        json!({ "amount": { "amount": 1, "currency": "INR" }, "lines": [{ "line_id": line(&order), "quantity": 1 }] }),
    ] {
        fixture.orders.post(&refunds).key("bad").json(&bad).send().await.expect(400);
    }
    let foreign = json!({ "lines": [{ "line_id": "oli_01jd6zv4x8e5yag7k3m2n9p0qr", "quantity": 1 }] });
    fixture.orders.post(&refunds).key("foreign").json(&foreign).send().await.expect(404);
    fixture.drain().await;
    assert_eq!(fixture.breaches().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_refused_by_payments_keeps_its_reason() {
    let fixture = Fixture::open().await;
    let order = fixture.order(1).await;
    fixture.orders.post(&path(&order, "/captures")).key("c").json(&json!({})).send().await.expect(201);
    fixture.drain().await;
    // As if the event of the smaller remaining amount had not arrived yet.
    let mut connection = fixture.env.superuser().await;
    let outdated = "update orders set document = jsonb_set(document, '{payment,captured,amount}', '2000')";
    sqlx::query(outdated).execute(&mut connection).await.unwrap();
    let body = json!({ "amount": { "amount": 1_500, "currency": "INR" } });
    for _ in 0..2 {
        let refused = fixture.orders.post(&path(&order, "/refunds")).key("r").json(&body).send().await.expect(422);
        assert_eq!(refused.code(), "refund_exceeds_captured", "{refused:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_without_an_answer_stays_pending() {
    let fixture = Fixture::open().await;
    let order = fixture.order(1).await;
    fixture.orders.post(&path(&order, "/captures")).key("c").json(&json!({})).send().await.expect(201);
    // The provider is unreachable: the refund is stored and stays pending.
    fixture.service("sandbox-provider").host.shutdown.cancel();
    // Real time: its connections close only after the shutdown has reached them.
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    let body = json!({ "amount": { "amount": 500, "currency": "INR" } });
    let refund = fixture.orders.post(&path(&order, "/refunds")).key("r").json(&body).send().await.expect(201);
    assert_eq!(refund.json["status"], "pending");
    let again = fixture.orders.post(&path(&order, "/refunds")).key("r").json(&body).send().await.expect(201);
    assert_eq!(again.id(), refund.id());
    let more = json!({ "amount": { "amount": 601, "currency": "INR" } });
    fixture.orders.post(&path(&order, "/refunds")).key("r2").json(&more).send().await.expect(422);
}
