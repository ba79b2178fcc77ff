//! A purchase from the product list to a paid, shipped and partly refunded order.

use reqwest::Method;
use serde_json::{Value, json};

use crate::fleet;
use crate::shop::{eventually, send};
use crate::trade::{Basket, Levels, Trade, address, amount, text};

#[test]
fn a_guest_fills_a_cart_and_buys_it() {
    fleet::test(async |fleet| {
        let trade = Trade::open(fleet, &[("DISC", 2_499, 184), ("FILTER", 349, 1_290)]).await;
        let request = json!({ "lines": [{ "variant_id": trade.variant("DISC"), "quantity": 2 }] });
        let cart = send(trade.storefront(Method::POST, "/v1/carts").json(&request)).await.expect(201);
        assert_eq!(problems(&cart.body), ["address_missing", "email_missing", "delivery_option_missing"]);
        assert_eq!(amount(&cart.body["total"]), 4_998);
        let mut basket = Basket { id: cart.id(), token: text(&cart.body["token"]), body: cart.body };
        let early = trade.buy(&basket, "tok_success", "early").await.expect(422);
        assert_eq!(early.code(), "cart_incomplete");

        change(
            &trade,
            &mut basket,
            "POST",
            "/lines",
            &json!({ "lines": [{ "variant_id": trade.variant("FILTER"), "quantity": 1 }] }),
        )
        .await;
        let line = text(&basket.body["lines"][1]["id"]);
        change(&trade, &mut basket, "PATCH", &format!("/lines/{line}"), &json!({ "quantity": 3 })).await;
        let choices = send(guest(&trade, &basket, "GET", "/delivery-options")).await.expect(200).body;
        assert_eq!(choices["data"][0]["delivery_option_id"], trade.ids["delivery_option_id"], "{choices:#}");
        let details = json!({
            "email": "Asha@Example.com", "shipping_address": address(), "delivery_option_id": trade.id("delivery_option_id"),
        });
        change(&trade, &mut basket, "PATCH", "", &details).await;
        assert_eq!(problems(&basket.body), [""; 0]);
        // 2 × 24.99 + 3 × 3.49 + 49.00 for delivery, 18 % of it tax.
        assert_eq!(basket.total(), 4_998 + 1_047 + 4_900);
        assert_eq!(amount(&basket.body["tax_total"]), 762 + 160 + 747);

        let bought = trade.buy(&basket, "tok_success", "buy").await.expect(201).body;
        let order = &bought["order"];
        assert_eq!(bought["status"], "completed");
        assert_eq!(
            [&order["status"], &order["payment_status"], &order["fulfilment_status"]],
            ["confirmed", "authorised", "unfulfilled"]
        );
        assert_eq!(amount(&order["total"]), 10_945);
        assert_eq!(trade.levels("DISC").await, Levels { on_hand: 184, allocated: 2, held: 0 });
        assert_eq!(trade.levels("FILTER").await, Levels { on_hand: 1_290, allocated: 3, held: 0 });
        let payment = trade.payment(order).await;
        assert_eq!([&payment["status"], &payment["checkout_id"]], [&json!("authorised"), &bought["id"]]);
        assert_eq!(amount(&payment["authorised"]), 10_945);
        let cart = send(guest(&trade, &basket, "GET", "")).await.expect(200).body;
        assert_eq!([&cart["status"], &cart["order_id"]], [&json!("completed"), &order["id"]]);
        found_by_all_means(&trade, order).await;
        assert_events(fleet, &trade, order).await;
        eventually("the listing shows what is left", async || {
            let page = trade.get("/v1/catalog/products?sort=-price").await.body;
            (page["data"][0]["inventory"]["available"] == 182).then_some(())
        })
        .await;
    });
}

/// The order is found by number, by e-mail in any letter case, by status and in the body of a search, and not by other values.
async fn found_by_all_means(trade: &Trade, order: &Value) {
    for query in
        [format!("number={}", text(&order["number"])), "email=ASHA%40example.com".to_owned(), "status=confirmed".to_owned()]
    {
        let page = trade.get(&format!("/v1/orders?{query}")).await.expect(200).body;
        assert_eq!(page["data"][0]["id"], order["id"], "{query}");
    }
    let page = trade.post("/v1/orders/search", &json!({ "email": "asha@example.com" })).await.expect(200).body;
    assert_eq!(page["data"][0]["id"], order["id"]);
    for query in ["number=1", "number=abc", "email=other%40example.com", "status=canceled", "placed_to=2020-01-01T00:00:00Z"] {
        assert_eq!(trade.count(&format!("/v1/orders?{query}")).await, 0, "{query}");
    }
}

/// The purchase's events in the outboxes are there and contain no personal data of the buyer.
async fn assert_events(fleet: &fleet::Running, trade: &Trade, order: &Value) {
    for (service, kind) in [
        ("orders", "order.placed"),
        ("orders", "checkout.updated"),
        ("payments", "payment.updated"),
        ("cart", "cart.completed"),
        ("inventory", "hold.committed"),
        ("inventory", "stock.updated"),
    ] {
        let events = fleet.events(service, &trade.tenant, kind).await;
        assert!(!events.is_empty(), "{kind} was not published");
        for data in events {
            assert!(!data.contains("sha@") && !data.contains("Residency"), "{kind} contains personal data: {data}");
        }
    }
    let placed = fleet.events("orders", &trade.tenant, "order.placed").await;
    assert!(placed[0].contains(&text(&order["id"])), "{placed:?}");
}

#[test]
fn an_order_is_paid_shipped_in_parts_and_partly_refunded() {
    fleet::test(async |fleet| {
        let trade = Trade::open(fleet, &[("A", 1_000, 10), ("B", 333, 10)]).await;
        let order = trade.order(&[("A", 2), ("B", 3)]).await;
        let (line_a, line_b) = (text(&order["lines"][0]["id"]), text(&order["lines"][1]["id"]));
        let total = amount(&order["total"]);

        let part = json!({ "amount": { "amount": 1_000, "currency": "INR" } });
        assert_eq!(trade.act(&order, "captures", &part, "c1").await.expect(201).body["status"], "succeeded");
        assert_eq!(trade.order_now(&order).await["payment_status"], "partially_paid");
        trade.act(&order, "captures", &json!({}), "c2").await.expect(201);
        assert_eq!(trade.order_now(&order).await["payment_status"], "paid");
        let again = trade.act(&order, "captures", &json!({}), "c3").await;
        assert!(matches!(again.status, 409 | 422), "nothing is left to draw: {:#}", again.body);

        let parcel =
            json!({ "lines": [{ "line_id": line_a, "quantity": 1 }], "tracking": { "carrier": "Delhivery", "number": "D-1" } });
        let first = trade.act(&order, "fulfilments", &parcel, "f1").await.expect(201);
        assert_eq!(first.body["status"], "shipped");
        eventually("the unit has left the shelf", async || {
            (trade.levels("A").await == Levels { on_hand: 9, allocated: 1, held: 0 }).then_some(())
        })
        .await;
        assert_eq!(trade.order_now(&order).await["fulfilment_status"], "partial");
        let rest = trade.act(&order, "fulfilments", &json!({}), "f2").await.expect(201);
        assert_eq!(rest.body["status"], "open");
        let nothing = trade.act(&order, "fulfilments", &json!({}), "f3").await;
        assert!(matches!(nothing.status, 409 | 422), "{:#}", nothing.body);
        trade.act(&order, &format!("fulfilments/{}/ship", rest.id()), &json!({}), "f4").await.expect(200);
        let done = trade.order_now(&order).await;
        assert_eq!([&done["status"], &done["fulfilment_status"]], ["completed", "fulfilled"]);
        for parcel in [first.id(), rest.id()] {
            trade.act(&order, &format!("fulfilments/{parcel}/deliver"), &json!({}), &format!("d{parcel}")).await.expect(200);
        }
        assert_eq!(trade.order_now(&order).await["fulfilment_status"], "delivered");
        eventually("all units have left", async || {
            (trade.levels("B").await == Levels { on_hand: 7, allocated: 0, held: 0 }).then_some(())
        })
        .await;

        let lines = json!({ "lines": [{ "line_id": line_b, "quantity": 1 }], "reason": "scratched" });
        let refund = trade.act(&order, "refunds", &lines, "r1").await.expect(201).body;
        assert_eq!([&refund["status"], &refund["amount"]["amount"]], [&json!("succeeded"), &json!(333)]);
        let rest = json!({ "amount": { "amount": total - 333, "currency": "INR" } });
        trade.act(&order, "refunds", &rest, "r2").await.expect(201);
        let end = trade.order_now(&order).await;
        assert_eq!(end["payment_status"], "refunded");
        let payment = trade.payment(&order).await;
        assert_eq!([amount(&payment["captured"]), amount(&payment["refunded"])], [total, total]);
        let timeline = trade.count(&format!("/v1/orders/{}/timeline", text(&order["id"]))).await;
        assert!(timeline >= 8, "{timeline} entries");
    });
}

#[test]
fn money_is_captured_on_shipment_if_configured() {
    fleet::test(async |fleet| {
        let trade = Trade::open(fleet, &[("A", 1_000, 10)]).await;
        let settings = trade.secret(Method::PATCH, "/v1/orders/settings").header("if-match", "\"0\"");
        send(settings.json(&json!({ "capture": "on_fulfilment" }))).await.expect(200);
        let order = trade.order(&[("A", 2)]).await;
        trade.act(&order, "fulfilments", &json!({ "shipped": true }), "f").await.expect(201);
        let done = eventually("what left is drawn", async || {
            let order = trade.order_now(&order).await;
            (order["payment_status"] == "paid").then_some(order)
        })
        .await;
        assert_eq!(done["status"], "completed");
        assert_eq!(amount(&trade.payment(&order).await["captured"]), amount(&order["total"]));
    });
}

#[test]
fn the_same_key_buys_once() {
    fleet::test(async |fleet| {
        let trade = Trade::open(fleet, &[("A", 1_000, 10)]).await;
        let basket = trade.basket(&[("A", 1)]).await;
        let first = trade.buy(&basket, "tok_success", "same").await.expect(201);
        let second = trade.buy(&basket, "tok_success", "same").await.expect(201);
        assert_eq!(first.body, second.body);
        let other = trade.buy(&basket, "tok_success", "another").await.expect(409);
        assert_eq!(other.code(), "cart_completed");
        let changed = trade.buy(&basket, "tok_decline", "same").await.expect(422);
        assert_eq!(changed.code(), "idempotency_key_reused");
        let without = send(trade.secret(Method::POST, "/v1/checkouts").json(&json!({ "cart_id": basket.id }))).await;
        assert_eq!(without.expect(400).code(), "idempotency_key_required");

        let basket = trade.basket(&[("A", 1)]).await;
        let all = futures::future::join_all((0..8).map(|_| trade.buy(&basket, "tok_success", "at once"))).await;
        for answer in &all {
            assert!(answer.status == 201 || answer.status == 409, "{:#}", answer.body);
        }
        assert!(all.iter().any(|answer| answer.status == 201));
        assert_eq!(trade.count("/v1/orders").await, 2);
        assert_eq!(trade.count("/v1/payments").await, 2);
        assert_eq!(trade.levels("A").await, Levels { on_hand: 10, allocated: 2, held: 0 });
    });
}

#[test]
fn an_order_can_be_canceled_until_something_has_left() {
    fleet::test(async |fleet| {
        let trade = Trade::open(fleet, &[("A", 1_000, 20)]).await;
        let reason = json!({ "reason": "changed their mind" });

        let authorised = trade.order(&[("A", 1)]).await;
        let canceled = trade.act(&authorised, "cancel", &reason, "x1").await.expect(200).body;
        assert_eq!(canceled["status"], "canceled");
        let again = trade.act(&authorised, "cancel", &reason, "x1").await.expect(200).body;
        assert_eq!(again["status"], "canceled");
        assert_eq!(trade.act(&authorised, "cancel", &reason, "x2").await.expect(409).code(), "order_not_cancelable");
        assert_eq!(settled(&trade, &authorised).await, ["canceled", "voided", "canceled"]);

        let paid = trade.order(&[("A", 2)]).await;
        trade.act(&paid, "captures", &json!({}), "c1").await.expect(201);
        trade.act(&paid, "cancel", &reason, "x3").await.expect(200);
        assert_eq!(settled(&trade, &paid).await, ["canceled", "refunded", "canceled"]);
        assert_eq!(amount(&trade.payment(&paid).await["refunded"]), amount(&paid["total"]));

        let partly = trade.order(&[("A", 3)]).await;
        trade.act(&partly, "captures", &json!({ "amount": { "amount": 500, "currency": "INR" } }), "c2").await.expect(201);
        trade.act(&partly, "cancel", &reason, "x4").await.expect(200);
        settled(&trade, &partly).await;
        let payment = trade.payment(&partly).await;
        assert_eq!([amount(&payment["refunded"]), amount(&payment["voided"])], [500, amount(&partly["total"]) - 500]);

        let packed = trade.order(&[("A", 1)]).await;
        trade.act(&packed, "fulfilments", &json!({}), "f1").await.expect(201);
        trade.act(&packed, "cancel", &reason, "x5").await.expect(200);
        settled(&trade, &packed).await;
        assert_eq!(trade.levels("A").await, Levels { on_hand: 20, allocated: 0, held: 0 });

        let shipped = trade.order(&[("A", 2)]).await;
        let line = text(&shipped["lines"][0]["id"]);
        let parcel = json!({ "lines": [{ "line_id": line, "quantity": 1 }], "shipped": true });
        trade.act(&shipped, "fulfilments", &parcel, "f2").await.expect(201);
        assert_eq!(trade.act(&shipped, "cancel", &reason, "x6").await.expect(409).code(), "order_not_cancelable");
    });
}

/// Waits until the other services have completed a cancellation.
async fn settled(trade: &Trade, order: &Value) -> [String; 3] {
    let order = eventually("the cancellation is through", async || {
        let now = trade.order_now(order).await;
        let payment = trade.payment(order).await;
        let kept = amount(&payment["authorised"]) - amount(&payment["voided"]) - amount(&payment["refunded"]);
        (kept == 0 && now["payment"]["version"] == payment["version"]).then_some(now)
    })
    .await;
    eventually("its stock is free", async || {
        let path = format!("/v1/inventory/movements?order_id={}&limit=100", text(&order["id"]));
        let movements = trade.get(&path).await.expect(200).body;
        let allocated: i64 =
            movements["data"].as_array()?.iter().filter_map(|movement| movement["allocated_delta"].as_i64()).sum();
        (allocated == 0).then_some(())
    })
    .await;
    [text(&order["status"]), text(&order["payment_status"]), text(&order["fulfilment_status"])]
}

fn problems(cart: &Value) -> Vec<&str> {
    cart["problems"].as_array().into_iter().flatten().filter_map(|problem| problem["code"].as_str()).collect()
}

fn guest(trade: &Trade, basket: &Basket, method: &str, path: &str) -> reqwest::RequestBuilder {
    let method = Method::from_bytes(method.as_bytes()).expect("a method");
    trade.storefront(method, &format!("/v1/carts/{}{path}", basket.id)).header("bloom-cart-token", &basket.token)
}

/// Writes to a cart as its guest, under the current version.
async fn change(trade: &Trade, basket: &mut Basket, method: &str, path: &str, body: &Value) {
    let request = guest(trade, basket, method, path).header("if-match", format!("\"{}\"", basket.version()));
    let answer = send(request.json(body)).await.expect(200);
    assert_eq!(answer.header("etag"), format!("\"{}\"", answer.body["version"]));
    assert!(answer.body["token"].is_null(), "a token is shown once");
    basket.body = answer.body;
}
