//! Payments that are declined, late, duplicated or out of order. Each ends in a correct state.

use reqwest::Method;
use serde_json::{Value, json};

use crate::fleet::{self, Running};
use crate::shop::{eventually, send};
use crate::trade::{Basket, Levels, Trade, amount, text};

#[test]
fn a_declined_payment_leaves_nothing() {
    fleet::test(async |fleet| {
        let trade = Trade::open(fleet, &[("A", 1_000, 10)]).await;
        let mut basket = trade.basket(&[("A", 4)]).await;
        let declined = trade.buy(&basket, "tok_decline", "1").await.expect(422);
        assert_eq!(declined.code(), "payment_declined");
        assert_eq!(declined.body["errors"][0]["pointer"], "/payment/token");
        let again = trade.buy(&basket, "tok_decline", "1").await.expect(422);
        assert_eq!([&again.body["code"], &again.body["errors"]], [&declined.body["code"], &declined.body["errors"]]);
        trade.assert_untouched(&[("A", 10)]).await;

        // The guest may change the cart again: they buy less and pay with another card.
        basket.body = send(guest(&trade, &basket, Method::GET, "")).await.expect(200).body;
        assert_eq!(basket.body["status"], "open");
        let line = text(&basket.body["lines"][0]["id"]);
        let change = guest(&trade, &basket, Method::PATCH, &format!("/lines/{line}"));
        let change = change.header("if-match", format!("\"{}\"", basket.version())).json(&json!({ "quantity": 1 }));
        basket.body = send(change).await.expect(200).body;
        let order = trade.buy(&basket, "tok_success", "2").await.expect(201).body["order"].clone();
        assert_eq!(trade.levels("A").await, Levels { on_hand: 10, allocated: 1, held: 0 });
        assert_eq!(at_provider(fleet, &trade, &order).await, [basket.total(), 0, 0, 0]);
    });
}

#[test]
fn a_payer_approves_at_their_bank() {
    fleet::test(async |fleet| {
        let trade = Trade::open(fleet, &[("A", 1_000, 10)]).await;
        let basket = trade.basket(&[("A", 2)]).await;
        let body =
            json!({ "cart_id": basket.id, "payment": { "token": "tok_3ds", "return_url": "https://shop.example/thanks?x=1" } });
        let open = trade.checkout(&basket, &body, "3ds").await.expect(202).body;
        assert_eq!([&open["status"], &open["action"]["type"]], ["action_required", "redirect"]);
        assert_eq!(trade.levels("A").await, Levels { on_hand: 10, allocated: 0, held: 2 });
        let again = trade.checkout(&basket, &body, "3ds").await.expect(202).body;
        assert_eq!([&again["id"], &again["action"]], [&open["id"], &open["action"]]);

        let page = visit(&trade, Method::GET, &text(&open["action"]["url"])).await;
        assert!(page.1.contains("Is this you?"), "{page:?}");
        let back = visit(&trade, Method::POST, &format!("{}&outcome=approve", text(&open["action"]["url"]))).await.0;
        let shop = visit(&trade, Method::GET, &back).await.0;
        assert!(
            shop.starts_with(&format!("https://shop.example/thanks?x=1&checkout_id={}&payment_id=pay_", text(&open["id"]))),
            "{shop}"
        );
        assert!(shop.ends_with("payment_status=authorised"), "{shop}");
        let order = trade.placed(&basket, &open).await;
        assert_eq!([&order["status"], &order["payment_status"]], ["confirmed", "authorised"]);
        let replay = trade.checkout(&basket, &body, "3ds").await.expect(201).body;
        assert_eq!(replay["order"]["id"], order["id"]);
        assert_eq!(trade.levels("A").await, Levels { on_hand: 10, allocated: 2, held: 0 });
        assert_eq!(at_provider(fleet, &trade, &order).await, [basket.total(), 0, 0, 0]);
    });
}

#[test]
fn a_payer_refuses_at_their_bank() {
    fleet::test(async |fleet| {
        let trade = Trade::open(fleet, &[("A", 1_000, 10)]).await;
        let basket = trade.basket(&[("A", 2)]).await;
        let open = trade.buy(&basket, "tok_3ds", "3ds").await.expect(202).body;
        // The payer's browser does not return; the provider's notice is enough.
        visit(&trade, Method::POST, &format!("{}&outcome=decline", text(&open["action"]["url"]))).await;
        let ended = eventually("the checkout fails", async || {
            let checkout = trade.checkout_now(&basket, &text(&open["id"])).await;
            (checkout["status"] == "failed").then_some(checkout)
        })
        .await;
        assert_eq!(ended["failure"]["code"], "payment_declined", "{ended:#}");
        trade.assert_untouched(&[("A", 10)]).await;
        let order = trade.buy(&basket, "tok_success", "again").await.expect(201).body["order"].clone();
        assert_eq!(order["status"], "confirmed");
    });
}

#[test]
fn every_provider_failure_ends_in_one_charge() {
    fleet::test(async |fleet| {
        let trade = Trade::open(fleet, &[("A", 1_000, 50)]).await;
        let tokens =
            ["tok_delay", "tok_webhook_first", "tok_duplicate_webhook", "tok_reordered_webhook", "tok_timeout_after_success"];
        let all = tokens.map(|token| trouble(fleet, &trade, token));
        futures::future::join_all(all).await;
        assert_eq!(trade.count("/v1/orders").await, tokens.len());
        assert_eq!(trade.count("/v1/payments").await, tokens.len());
        let allocated = 2 * i64::try_from(tokens.len()).expect("a few");
        assert_eq!(trade.levels("A").await, Levels { on_hand: 50, allocated, held: 0 });
    });
}

/// A payment is authorised, captured and partly refunded through a provider whose behaviour the token selects.
async fn trouble(fleet: &Running, trade: &Trade, token: &str) {
    let basket = trade.basket(&[("A", 2)]).await;
    let answer = trade.buy(&basket, token, token).await;
    assert!(matches!(answer.status, 201 | 202), "{token}: {:#}", answer.body);
    let order = trade.placed(&basket, &answer.body).await;
    let total = amount(&order["total"]);
    assert_eq!(at_provider(fleet, trade, &order).await, [total, 0, 0, 0], "{token}");

    trade.act(&order, "captures", &json!({}), &format!("capture {token}")).await.expect(201);
    moved(trade, &order, "captured", total).await;
    let part = json!({ "amount": { "amount": 300, "currency": "INR" } });
    trade.act(&order, "refunds", &part, &format!("refund {token}")).await.expect(201);
    let after = moved(trade, &order, "refunded", 300).await;
    assert_eq!(after["payment_status"], "partially_refunded", "{token}");
    eventually("the refund succeeds", async || {
        (trade.order_now(&order).await["refunds"][0]["status"] == "succeeded").then_some(())
    })
    .await;
    assert_eq!(at_provider(fleet, trade, &order).await, [total, total, 0, 300], "{token}");
    let journals = trade.count(&format!("/v1/payments/{}/journal", text(&order["payment"]["id"]))).await;
    assert_eq!(journals, 3, "{token}: authorised, captured, refunded, once each");
}

/// Waits until order and payment show the same amount.
async fn moved(trade: &Trade, order: &Value, field: &str, wanted: i64) -> Value {
    eventually("the money has moved", async || {
        let now = trade.order_now(order).await;
        let payment = trade.payment(order).await;
        (amount(&payment[field]) == wanted && amount(&now["payment"][field]) == wanted).then_some(now)
    })
    .await
}

#[test]
fn an_order_waits_for_a_manual_payment() {
    fleet::test(async |fleet| {
        let trade = Trade::open(fleet, &[("A", 1_000, 10)]).await;
        trade.post("/v1/payments/connections", &json!({ "provider": "manual", "name": "Bank transfer" })).await.expect(201);
        let mut orders = Vec::new();
        for key in ["1", "2"] {
            let basket = trade.basket(&[("A", 1)]).await;
            let body = json!({ "cart_id": basket.id, "payment": { "provider": "manual" } });
            orders.push(trade.checkout(&basket, &body, key).await.expect(201).body["order"].clone());
        }
        assert_eq!([&orders[0]["status"], &orders[0]["payment_status"]], ["placed", "none"]);
        assert_eq!(trade.act(&orders[0], "fulfilments", &json!({}), "f").await.expect(409).code(), "order_not_fulfillable");
        let path = format!("/v1/payments/{}/confirmations", text(&orders[0]["payment"]["id"]));
        let confirmation = json!({ "outcome": "authorised", "reference": "NEFT 4711" });
        send(trade.secret(Method::POST, &path).header("idempotency-key", "said").json(&confirmation)).await.expect(200);
        eventually("the order is confirmed", async || (trade.order_now(&orders[0]).await["status"] == "confirmed").then_some(()))
            .await;
        trade.act(&orders[1], "cancel", &json!({}), "x").await.expect(200);
        eventually("its stock is free", async || {
            (trade.levels("A").await == Levels { on_hand: 10, allocated: 1, held: 0 }).then_some(())
        })
        .await;
    });
}

/// The amounts in the provider's own records: authorised, captured, voided, refunded.
async fn at_provider(fleet: &Running, trade: &Trade, order: &Value) -> [i64; 4] {
    let path = format!("/v1/payments/{}/operations?limit=100", text(&order["payment"]["id"]));
    let operations = trade.get(&path).await.expect(200).body;
    let authorise: Vec<String> = operations["data"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|operation| operation["kind"] == "authorise")
        .map(|operation| text(&operation["id"]))
        .collect();
    let statement = "select amount, captured_amount, voided_amount, refunded_amount from sandbox_provider.authorisation
                     where idempotency_key = any($1)";
    let rows: Vec<(i64, i64, i64, i64)> =
        sqlx::query_as(statement).bind(&authorise).fetch_all(&mut fleet.database().await).await.expect("the provider's books");
    let [(promised, drawn, given_up, given_back)] = rows[..] else { panic!("{} authorisations: {rows:?}", rows.len()) };
    [promised, drawn, given_up, given_back]
}

/// Sends one browser request without following a redirect. Returns the redirect's target and the page.
async fn visit(trade: &Trade, method: Method, url: &str) -> (String, String) {
    let path = url.strip_prefix(&trade.url).unwrap_or_else(|| panic!("{url} does not lead through the gateway"));
    let answer = send(trade.anonymous(method, path)).await;
    assert!(matches!(answer.status, 200 | 303), "{} {}", answer.status, answer.body);
    (answer.header("location").to_owned(), answer.body.as_str().unwrap_or_default().to_owned())
}

fn guest(trade: &Trade, basket: &Basket, method: Method, path: &str) -> reqwest::RequestBuilder {
    trade.storefront(method, &format!("/v1/carts/{}{path}", basket.id)).header("bloom-cart-token", &basket.token)
}
