//! Cancellations, and changes of the payment that an order has not seen yet.

use bloom_testkit::queue;
use futures::future::join;
use serde_json::json;

use crate::tests::{Fixture, lock_rows, order_path as path};

#[tokio::test(flavor = "multi_thread")]
async fn canceling_voids_refunds_and_releases_stock() {
    let fixture = Fixture::open().await;
    for captured in [0, 600, 1_100] {
        let order = fixture.order(1).await;
        if 0 < captured {
            let body = json!({ "amount": { "amount": captured, "currency": "INR" } });
            fixture.orders.post(&path(&order, "/captures")).key(&format!("c{captured}")).json(&body).send().await.expect(201);
        }
        let cancel = || fixture.orders.post(&path(&order, "/cancel")).key(&format!("x{captured}"));
        fixture.orders.post(&path(&order, "/cancel")).json(&json!({})).send().await.expect(400);
        let canceled = cancel().json(&json!({ "reason": "changed my mind" })).send().await.expect(200);
        let wanted = if captured == 0 { "voided" } else { "refunded" };
        assert_eq!((&canceled.json["status"], &canceled.json["payment_status"]), (&json!("canceled"), &json!(wanted)));
        assert_eq!(
            (&canceled.json["fulfilment_status"], &canceled.json["cancel_reason"]),
            (&json!("canceled"), &json!("changed my mind"))
        );
        cancel().json(&json!({ "reason": "changed my mind" })).send().await.expect(200);
        fixture.orders.post(&path(&order, "/cancel")).key("other").json(&json!({})).send().await.expect(409);
        fixture.orders.post(&path(&order, "/captures")).key("late").json(&json!({})).send().await.expect(409);
    }
    fixture.drain().await;
    assert_eq!(fixture.levels(&fixture.shirt).await, (1_000, 0, 0));
    for payment in fixture.all_payments().await {
        let amount = |field: &str| payment[field]["amount"].as_i64().unwrap();
        assert_eq!((amount("captured"), amount("authorised")), (amount("refunded"), amount("voided") + amount("captured")));
    }
    let mut connection = fixture.env.superuser().await;
    let published: i64 =
        sqlx::query_scalar("select count(*) from outbox where kind = 'order.canceled'").fetch_one(&mut connection).await.unwrap();
    assert_eq!(published, 3);
    assert_eq!(fixture.breaches().await, Vec::<String>::new());
}

/// Otherwise money that is captured while an order is canceled, unknown to the order, would never be refunded.
#[tokio::test(flavor = "multi_thread")]
async fn a_capture_during_a_cancel_is_refunded() {
    let fixture = Fixture::open().await;
    for (captured, refunded) in [(1_100, 0), (400, 0), (1_100, 100)] {
        let order = fixture.order(1).await;
        fixture.drain().await;
        let mut holder = lock_rows(&fixture.env, "select from orders for update").await;
        let first = format!("{} {refunded}", order["id"]);
        let cancel = format!("/v1/orders/{}/cancel", order["id"].as_str().unwrap());
        let cancel = fixture.orders.post(&cancel).key(&first).json(&json!({})).send();
        let meanwhile = async {
            queue(&mut holder, 1).await;
            fixture.capture_at_payments(&order, captured).await;
            if 0 < refunded {
                fixture.refund_at_payments(&order, refunded).await;
            }
            sqlx::query("rollback").execute(&mut holder).await.unwrap();
        };
        Box::pin(join(cancel, meanwhile)).await.0.expect(200);
        fixture.run_timers().await;
        let now = fixture.read_order(&order["id"]).await;
        let amount = |word: &str| now["payment"][word]["amount"].as_i64().unwrap();
        assert_eq!(now["status"], "canceled");
        assert_eq!((amount("captured"), amount("refunded"), amount("voided")), (captured, captured, 1_100 - captured), "{now:#}");
        assert_eq!(fixture.breaches().await, Vec::<String>::new());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn payment_changes_during_placing_are_synchronised() {
    let fixture = Fixture::open().await;
    let order = fixture.order(1).await;
    fixture.void_at_payments(&order).await;
    fixture.drain().await;
    assert_eq!(fixture.read_order(&order["id"]).await["payment_status"], "voided");
    let ship = format!("/v1/orders/{}/fulfilments", order["id"].as_str().unwrap());
    let refused = fixture.orders.post(&ship).json(&json!({ "shipped": true })).send().await.expect(409);
    assert_eq!(refused.code(), "order_not_fulfillable", "its payment is voided");
    // As if the payment had changed while the order was being placed.
    let mut connection = fixture.env.superuser().await;
    let outdated = "update orders set payment_status = 'authorised', document = jsonb_set(jsonb_set(jsonb_set(document,
        '{payment,version}', '2'), '{payment,voided,amount}', '0'), '{payment_status}', '\"authorised\"')";
    sqlx::query(outdated).execute(&mut connection).await.unwrap();
    let app = crate::Orders::new(crate::config::Config::default(), fixture.env.host.clone(), fixture.env.db.clone());
    let checkout = order["checkout_id"].as_str().unwrap().parse().unwrap();
    for _ in 0..2 {
        crate::checkout::sync_payment(&app, &fixture.env.call(), checkout, ()).await.unwrap();
    }
    let synchronised = fixture.read_order(&order["id"]).await;
    assert_eq!((&synchronised["payment_status"], &synchronised["version"]), (&json!("voided"), &json!(3)));
}
