//! Checkouts with a pending payment, or without a payment.

use serde_json::{Value, json};

use crate::checkout_saga::STEPS;
use crate::checkout_saga::fault_injection::{FaultKind, FaultPoint, Moment};
use crate::tests::{Fixture, visit};

#[tokio::test(flavor = "multi_thread")]
async fn a_passed_3ds_check_places_the_order() {
    let fixture = Fixture::open().await;
    let guest = fixture.cart(1).await;
    let started = fixture.checkout(&guest, "k1", "tok_3ds").send().await.expect(202);
    assert_eq!((&started.json["status"], &started.json["action"]["type"]), (&json!("action_required"), &json!("redirect")));
    assert_eq!(started.json["order_id"], Value::Null);
    let again = fixture.checkout(&guest, "k1", "tok_3ds").send().await.expect(202);
    assert_eq!(again.json, started.json, "a repeat gets the same reply");
    let (_, allocated, held) = fixture.levels(&fixture.shirt).await;
    assert_eq!((allocated, held), (0, 1), "the unit is held meanwhile");
    visit(&started, "approve").await;
    let done = fixture.ended(&guest, &started.id()).await;
    assert_eq!(
        (&done["status"], &done["order"]["status"], &done["action"]),
        (&json!("completed"), &json!("confirmed"), &Value::Null)
    );
    let repeat = fixture.checkout(&guest, "k1", "tok_3ds").send().await.expect(201);
    assert_eq!(repeat.json["order"]["id"], done["order_id"]);
    fixture.drain().await;
    assert_eq!(fixture.breaches().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_3ds_checkout_survives_unreachable_services() {
    let fixture = Fixture::open().await;
    for step in STEPS {
        for moment in [Moment::Before, Moment::After] {
            let guest = fixture.cart(1).await;
            let started = fixture.checkout(&guest, &guest.cart, "tok_3ds").send().await.expect(202);
            fixture.faults.set([FaultPoint { step, moment, kind: FaultKind::Unreachable }]);
            visit(&started, "approve").await;
            let done = fixture.ended(&guest, &started.id()).await;
            assert_eq!((&done["status"], fixture.faults.left()), (&json!("completed"), 0), "{step:?}, {moment:?}: {done}");
            fixture.run_timers().await;
            assert_eq!(fixture.read_cart(&guest).await["status"], "completed", "{step:?}, {moment:?}");
        }
    }
    fixture.drain().await;
    assert_eq!(fixture.all_orders().await.len(), 12);
    assert_eq!(fixture.levels(&fixture.shirt).await, (1_000, 12, 0), "each order has its unit, and nothing is held");
    assert_eq!(fixture.breaches().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_or_abandoned_3ds_check_leaves_nothing() {
    let fixture = Fixture::open().await;
    let guest = fixture.cart(1).await;
    let started = fixture.checkout(&guest, "k1", "tok_3ds").send().await.expect(202);
    visit(&started, "decline").await;
    let failed = fixture.ended(&guest, &started.id()).await;
    assert_eq!((&failed["status"], &failed["failure"]["code"]), (&json!("failed"), &json!("payment_declined")));
    assert_eq!(failed["failure"]["errors"][0]["code"], "authentication_failed");
    fixture.assert_nothing_left(&guest).await;

    let started = fixture.checkout(&guest, "k2", "tok_3ds").send().await.expect(202);
    fixture.env.clock.advance(chrono::TimeDelta::minutes(16));
    let failed = fixture.ended(&guest, &started.id()).await;
    assert_eq!(failed["status"], "failed");
    fixture.assert_nothing_left(&guest).await;
    let late = visit(&started, "approve").await;
    assert!(late.status().is_redirection());
    fixture.assert_nothing_left(&guest).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_and_odd_providers_still_make_one_order_each() {
    let fixture = Fixture::open().await;
    let tokens =
        ["tok_delay", "tok_timeout_after_success", "tok_webhook_first", "tok_duplicate_webhook", "tok_reordered_webhook"];
    for token in tokens {
        let (_, ended) = fixture.buy_and_wait(token).await;
        assert_eq!(ended["status"], "completed", "{token}: {ended}");
    }
    fixture.run_timers().await;
    assert_eq!(fixture.levels(&fixture.shirt).await, (1_000, 5, 0));
    let payments = fixture.all_payments().await;
    assert_eq!(payments.len(), tokens.len());
    assert!(payments.iter().all(|payment| payment["status"] == "authorised"), "{payments:?}");
    for order in fixture.all_orders().await {
        assert_eq!((&order["status"], &order["payment_status"]), (&json!("confirmed"), &json!("authorised")));
    }
    assert_eq!(fixture.breaches().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_payment_is_voided_and_never_placed() {
    let config = crate::config::Config { payment_timeout_s: 3, processing_timeout_s: 20, ..Default::default() };
    let fixture = Fixture::with(config).await;
    let guest = fixture.cart(1).await;
    let started = fixture.checkout(&guest, "k1", "tok_timeout_after_success").send().await.expect(202);
    assert_eq!(started.json["status"], "payment_pending");
    fixture.env.clock.advance(chrono::TimeDelta::seconds(4));
    let failed = fixture.ended(&guest, &started.id()).await;
    assert_eq!((&failed["status"], &failed["failure"]["code"]), (&json!("failed"), &json!("checkout_expired")));
    fixture.advance(60).await;
    fixture.assert_nothing_left(&guest).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manual_payment_places_an_unpaid_order() {
    let fixture = Fixture::open().await;
    let connection = json!({ "provider": "manual", "name": "Bank transfer" });
    fixture.payments.post("/v1/payments/connections").json(&connection).send().await.expect(201);
    let mut orders = Vec::new();
    for _ in 0..3 {
        let guest = fixture.cart(1).await;
        let body = json!({ "cart_id": guest.cart, "payment": { "provider": "manual" } });
        let placed =
            Fixture::shop(fixture.orders.post("/v1/checkouts"), &guest).key(&guest.cart).json(&body).send().await.expect(201);
        let order = placed.json["order"].clone();
        assert_eq!((&order["status"], &order["payment_status"]), (&json!("placed"), &json!("none")));
        orders.push((guest, order));
    }
    let fulfil = format!("/v1/orders/{}/fulfilments", orders[0].1["id"].as_str().unwrap());
    let refused = fixture.orders.post(&fulfil).json(&json!({})).send().await.expect(409);
    assert_eq!(refused.code(), "order_not_fulfillable");

    let payment = orders[0].1["payment"]["id"].as_str().unwrap().to_owned();
    let confirmation = fixture.payments.post(&format!("/v1/payments/{payment}/confirmations")).key("c");
    confirmation.json(&json!({ "outcome": "authorised" })).send().await.expect(200);
    fixture.drain().await;
    let paid = fixture.read_order(&orders[0].1["id"]).await;
    assert_eq!((&paid["status"], &paid["payment_status"]), (&json!("confirmed"), &json!("authorised")));
    let repeat = json!({ "cart_id": orders[0].0.cart, "payment": { "provider": "manual" } });
    let repeat = Fixture::shop(fixture.orders.post("/v1/checkouts"), &orders[0].0).key(&orders[0].0.cart).json(&repeat);
    assert_eq!(repeat.send().await.expect(201).json["order"], orders[0].1, "replied as it was placed");
    let path = format!("/v1/checkouts/{}", orders[0].1["checkout_id"].as_str().unwrap());
    let checkout = Fixture::shop(fixture.orders.get(&path), &orders[0].0).send().await.expect(200);
    assert_eq!(checkout.json["order"], orders[0].1, "read as it was placed");

    let cancel = format!("/v1/orders/{}/cancel", orders[1].1["id"].as_str().unwrap());
    let canceled = fixture.orders.post(&cancel).key("x").json(&json!({})).send().await.expect(200);
    assert_eq!(canceled.json["status"], "canceled");
    let expiry: i64 = sqlx::query_scalar("select count(*) from timer where kind = 'order_expiry' and key = $1")
        .bind(orders[1].1["id"].as_str())
        .fetch_one(&mut fixture.env.superuser().await)
        .await
        .unwrap();
    assert_eq!(expiry, 0, "what is canceled does not expire");
    fixture.env.clock.advance(chrono::TimeDelta::hours(73));
    fixture.run_timers().await;
    let expired = fixture.read_order(&orders[2].1["id"]).await;
    assert_eq!((&expired["status"], &expired["fulfilment_status"]), (&json!("expired"), &json!("canceled")));
    assert_eq!(fixture.read_order(&orders[0].1["id"]).await["status"], "confirmed");
    assert_eq!(fixture.levels(&fixture.shirt).await, (1_000, 1, 0));
    assert_eq!(fixture.breaches().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_free_cart_needs_no_payment() {
    let fixture = Fixture::open().await;
    let gift = fixture.product("GIFT", 0, 5).await;
    let free = json!({ "code": "free", "name": "Free", "currency": "INR", "charge": { "type": "flat", "amount": 0 } });
    let free = fixture.carts.post("/v1/delivery-options").json(&free).send().await.expect(201).id();
    let guest = fixture.cart_of(&gift, 1).await;
    let path = format!("/v1/carts/{}", guest.cart);
    Fixture::shop(fixture.carts.patch(&path), &guest)
        .if_match(1)
        .json(&json!({ "delivery_option_id": free }))
        .send()
        .await
        .expect(200);
    let body = json!({ "cart_id": guest.cart });
    let placed = Fixture::shop(fixture.orders.post("/v1/checkouts"), &guest).key("k").json(&body).send().await.expect(201);
    let order = &placed.json["order"];
    assert_eq!(
        (&order["status"], &order["payment_status"], &order["payment"]),
        (&json!("confirmed"), &json!("paid"), &Value::Null)
    );
    let path = format!("/v1/orders/{}", order["id"].as_str().unwrap());
    fixture.orders.post(&format!("{path}/fulfilments")).json(&json!({ "shipped": true })).send().await.expect(201);
    assert_eq!(fixture.read_order(&order["id"]).await["status"], "completed");
    assert_eq!(fixture.all_payments().await.len(), 0);
    fixture.drain().await;
    assert_eq!(fixture.breaches().await, Vec::<String>::new());
}
