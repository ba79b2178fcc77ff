//! Shipping checks the present payment at payments, not the order's copy.

use serde_json::json;

use crate::tests::{Fixture, line, order_path as path};

#[tokio::test(flavor = "multi_thread")]
async fn nothing_ships_right_after_a_void_at_payments() {
    let fixture = Fixture::open().await;
    let order = fixture.order(1).await;
    let packed = fixture.orders.post(&path(&order, "/fulfilments")).json(&json!({})).send().await.expect(201);
    fixture.drain().await;
    fixture.stop_events_of_payments().await;
    fixture.void_at_payments(&order).await;
    let ship = path(&order, &format!("/fulfilments/{}/ship", packed.id()));
    for _ in 0..2 {
        let refused = fixture.orders.post(&ship).key("s").json(&json!({})).send().await.expect(409);
        assert_eq!(refused.code(), "order_not_fulfillable");
    }
    fixture.orders.post(&path(&order, &format!("/fulfilments/{}/cancel", packed.id()))).send().await.expect(200);
    let refused = fixture.orders.post(&path(&order, "/fulfilments")).json(&json!({ "shipped": true })).send().await.expect(409);
    assert_eq!(refused.code(), "order_not_fulfillable");
    assert_eq!(fixture.levels(&fixture.shirt).await, (1_000, 1, 0), "nothing has left");
    let canceled = fixture.orders.post(&path(&order, "/cancel")).key("x").json(&json!({})).send().await.expect(200);
    assert_eq!(canceled.json["status"], "canceled");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wholly_refunded_order_does_not_ship() {
    let fixture = Fixture::open().await;
    let order = fixture.order(1).await;
    fixture.orders.post(&path(&order, "/captures")).key("c").json(&json!({})).send().await.expect(201);
    let all = json!({ "amount": { "amount": 1_100, "currency": "INR" } });
    fixture.orders.post(&path(&order, "/refunds")).key("r").json(&all).send().await.expect(201);
    let refused = fixture.orders.post(&path(&order, "/fulfilments")).json(&json!({ "shipped": true })).send().await.expect(409);
    assert_eq!(refused.code(), "order_not_fulfillable");
    let canceled = fixture.orders.post(&path(&order, "/cancel")).key("x").json(&json!({})).send().await.expect(200);
    assert_eq!((&canceled.json["status"], &canceled.json["payment_status"]), (&json!("canceled"), &json!("refunded")));
    fixture.drain().await;
    assert_eq!(fixture.levels(&fixture.shirt).await, (1_000, 0, 0));
    assert_eq!(fixture.breaches().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn refunded_units_do_not_ship_and_their_stock_is_released() {
    let fixture = Fixture::open().await;
    let order = fixture.order(2).await;
    fixture.orders.post(&path(&order, "/captures")).key("c").json(&json!({})).send().await.expect(201);
    let one = json!({ "lines": [{ "line_id": line(&order), "quantity": 1 }] });
    fixture.orders.post(&path(&order, "/refunds")).key("r").json(&one).send().await.expect(201);
    let ship = json!({ "lines": [{ "line_id": line(&order), "quantity": 1 }], "shipped": true });
    fixture.orders.post(&path(&order, "/fulfilments")).key("f1").json(&ship).send().await.expect(201);
    fixture.orders.post(&path(&order, "/fulfilments")).key("f2").json(&ship).send().await.expect(409);
    fixture.drain().await;
    let order = fixture.read_order(&order["id"]).await;
    assert_eq!((&order["status"], &order["fulfilment_status"]), (&json!("completed"), &json!("fulfilled")));
    assert_eq!(fixture.levels(&fixture.shirt).await, (999, 0, 0), "the refunded unit is for sale again");
    assert_eq!(fixture.breaches().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn captures_on_fulfilment_pay_for_what_is_shipped() {
    let fixture = Fixture::open().await;
    fixture.capture_on_fulfilment().await;
    let order = fixture.order(2).await;
    let unit = json!({ "amount": { "amount": 1_100, "currency": "INR" } });
    fixture.orders.post(&path(&order, "/captures")).key("c").json(&unit).send().await.expect(201);
    let one = json!({ "lines": [{ "line_id": line(&order), "quantity": 1 }] });
    let refunded = fixture.orders.post(&path(&order, "/refunds")).key("r").json(&one).send().await.expect(201);
    fixture.orders.post(&path(&order, "/fulfilments")).key("f").json(&json!({ "shipped": true })).send().await.expect(201);
    fixture.drain().await;
    let order = fixture.read_order(&order["id"]).await;
    assert_eq!(order["payment"]["captured"], order["total"], "{refunded:?}");
    assert_eq!(order["status"], "completed");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_paid_in_part_ships_what_is_paid() {
    let fixture = Fixture::open().await;
    let order = fixture.order(3).await;
    let part = json!({ "amount": { "amount": 1_100, "currency": "INR" } });
    fixture.orders.post(&path(&order, "/captures")).key("c").json(&part).send().await.expect(201);
    fixture.void_at_payments(&order).await;
    let all = fixture.orders.post(&path(&order, "/fulfilments")).json(&json!({ "shipped": true })).send().await.expect(409);
    assert_eq!(all.code(), "order_not_fulfillable");
    let one = json!({ "lines": [{ "line_id": line(&order), "quantity": 1 }], "shipped": true });
    fixture.orders.post(&path(&order, "/fulfilments")).json(&one).send().await.expect(201);
    assert_eq!(fixture.levels(&fixture.shirt).await, (999, 2, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn shipping_waits_for_payments_and_replays_without_it() {
    let fixture = Fixture::open().await;
    let order = fixture.order(2).await;
    let one = json!({ "lines": [{ "line_id": line(&order), "quantity": 1 }], "shipped": true });
    let ship = |key: &'static str| fixture.orders.post(&path(&order, "/fulfilments")).key(key).json(&one).send();
    let shipped = ship("first").await.expect(201);
    let packed = fixture.orders.post(&path(&order, "/fulfilments")).json(&json!({})).send().await.expect(201);
    fixture.service("payments").host.shutdown.cancel();
    // Real time: its connections close only after the shutdown has reached them.
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert_eq!(ship("first").await.expect(201).json, shipped.json, "a retry needs no other service");
    assert_eq!(ship("second").await.status, 503);
    let late = path(&order, &format!("/fulfilments/{}/ship", packed.id()));
    assert_eq!(fixture.orders.post(&late).json(&json!({})).send().await.status, 503);
    assert_eq!(fixture.levels(&fixture.shirt).await, (999, 1, 0));
}
