//! Invalid amounts of money and invalid quantities.

use serde_json::{Value, json};

use super::all_refused;
use crate::fleet;
use crate::trade::{Trade, text};

#[test]
fn invalid_amounts_are_refused() {
    fleet::test(async |fleet| {
        let trade = Trade::open(fleet, &[("A", 1_000, 10)]).await;
        let order = trade.order(&[("A", 2)]).await;
        trade.act(&order, "captures", &json!({ "amount": { "amount": 3_000, "currency": "INR" } }), "c").await.expect(201);
        let order = format!("/v1/orders/{}", text(&order["id"]));
        let payment = format!("/v1/payments/{}", text(&trade.get(&order).await.body["payment"]["id"]));
        let list = text(&trade.get("/v1/pricing/price-lists").await.body["data"][0]["id"]);
        let price = |amount: Value, currency: &str| json!({ "variant_id": trade.variant("A"), "price_list_id": list, "min_quantity": 7, "price": { "amount": amount, "currency": currency } });
        let money = |amount: i64, currency: &str| json!({ "amount": { "amount": amount, "currency": currency } });
        let prices = || "/v1/pricing/prices".to_owned();
        let at = |path: &str, rest: &str| format!("{path}/{rest}");
        let option = json!({ "code": "x", "name": "X", "currency": "INR", "charge": { "type": "flat", "amount": -1 } });
        all_refused(
            &trade,
            vec![
                ("POST", prices(), price(json!(-1), "INR"), 400, "invalid_request", "/price/amount"),
                ("POST", prices(), price(json!(1_000_000_000_000_000_i64), "INR"), 400, "invalid_request", "/price/amount"),
                ("POST", prices(), price(json!(12.5), "INR"), 400, "invalid_request", "/price/amount"),
                ("POST", prices(), price(json!("12"), "INR"), 400, "invalid_request", "/price/amount"),
                ("POST", prices(), price(json!(u64::MAX), "INR"), 400, "invalid_request", "/price/amount"),
                ("POST", prices(), price(json!(1), "inr"), 400, "invalid_request", "/price/currency"),
                ("POST", prices(), price(json!(1), "QQQ"), 400, "invalid_request", "/price/currency"),
                ("POST", prices(), price(json!(1), "EUR"), 422, "currency_mismatch", "/price/currency"),
                ("POST", "/v1/delivery-options".to_owned(), option, 400, "invalid_request", "/charge/amount"),
                ("POST", at(&order, "captures"), money(0, "INR"), 400, "invalid_request", "/amount/amount"),
                ("POST", at(&order, "captures"), money(-1, "INR"), 400, "invalid_request", "/amount/amount"),
                ("POST", at(&order, "captures"), money(1, "EUR"), 400, "invalid_request", "/amount/currency"),
                ("POST", at(&order, "captures"), money(3_901, "INR"), 422, "capture_exceeds_authorised", "/amount/amount"),
                ("POST", at(&order, "captures"), money(i64::MAX, "INR"), 422, "capture_exceeds_authorised", "/amount/amount"),
                ("POST", at(&order, "refunds"), money(0, "INR"), 400, "invalid_request", "/amount/amount"),
                ("POST", at(&order, "refunds"), money(-5, "INR"), 400, "invalid_request", "/amount/amount"),
                ("POST", at(&order, "refunds"), money(1, "EUR"), 400, "invalid_request", "/amount/currency"),
                ("POST", at(&order, "refunds"), money(3_001, "INR"), 422, "refund_exceeds_paid", "/amount/amount"),
                ("POST", at(&payment, "captures"), money(1, "INR"), 409, "payment_belongs_to_order", ""),
                ("POST", at(&payment, "captures"), money(i64::MAX, "INR"), 409, "payment_belongs_to_order", ""),
                ("POST", at(&payment, "refunds"), money(1, "INR"), 409, "payment_belongs_to_order", ""),
                ("POST", at(&payment, "refunds"), money(1, "USD"), 409, "payment_belongs_to_order", ""),
                ("POST", at(&payment, "voids"), json!({}), 409, "payment_belongs_to_order", ""),
            ],
        )
        .await;
    });
}

#[test]
fn invalid_quantities_are_refused() {
    fleet::test(async |fleet| {
        let trade = Trade::open(fleet, &[("A", 1_000, 10), ("B", 1_000, 10)]).await;
        let order = trade.order(&[("A", 2)]).await;
        let oli = text(&order["lines"][0]["id"]);
        let order = format!("/v1/orders/{}", text(&order["id"]));
        let cart = |lines: Value| ("POST", "/v1/carts".to_owned(), json!({ "lines": lines }));
        let wish = |quantity: i64| json!({ "variant_id": trade.variant("A"), "quantity": quantity });
        let hold = |quantity: i64| json!({ "lines": [{ "line_id": "1", "variant_id": trade.variant("A"), "quantity": quantity }], "ttl_seconds": 60 });
        let adjust = |kind: &str, quantity: i64| {
            let line = json!({ "variant_id": trade.variant("A"), "location_id": trade.id("location_id"), "quantity": quantity });
            json!({ "kind": kind, "lines": [line] })
        };
        let units = |quantity: i64| json!({ "lines": [{ "line_id": oli, "quantity": quantity }] });
        let mut requests = Vec::new();
        for quantity in [0, -1, i64::MIN, 1_000_001, i64::MAX] {
            let (method, path, body) = cart(json!([wish(quantity)]));
            requests.push((method, path, body, 400, "invalid_request", "/lines/0/quantity"));
            let quote = json!({ "channel_id": trade.id("channel_id"), "lines": [wish(quantity)] });
            if quantity < 1 {
                requests.push(("POST", "/v1/pricing/quotes".to_owned(), quote, 400, "invalid_request", "/lines/0/quantity"));
            }
            let quantity = if quantity == 1_000_001 { 1_000_000_001 } else { quantity };
            requests.push((
                "POST",
                "/v1/inventory/holds".to_owned(),
                hold(quantity),
                400,
                "invalid_request",
                "/lines/0/quantity",
            ));
            let fulfil = ("POST", format!("{order}/fulfilments"), units(quantity), 400, "invalid_request", "/lines/0/quantity");
            if quantity < 1 {
                requests.push(fulfil);
            }
        }
        let (method, path, body) = cart(json!([wish(600_000), wish(600_000)]));
        requests.push((method, path, body, 400, "invalid_request", "/lines/1/quantity"));
        let many: Vec<Value> = (0..201).map(|_| wish(1)).collect();
        let (method, path, body) = cart(json!(many));
        requests.push((method, path, body, 400, "invalid_request", "/lines"));
        requests.push(("POST", "/v1/inventory/holds".to_owned(), hold(9), 409, "insufficient_stock", "/lines/0"));
        let adjustments = || "/v1/inventory/adjustments".to_owned();
        for (kind, quantity) in
            [("received", 0), ("received", -1), ("adjusted", 0), ("adjusted", i64::MIN), ("counted", -1), ("counted", i64::MAX)]
        {
            requests.push(("POST", adjustments(), adjust(kind, quantity), 400, "invalid_request", "/lines/0/quantity"));
        }
        requests.push(("POST", adjustments(), adjust("adjusted", -11), 409, "on_hand_out_of_range", "/lines/0/quantity"));
        requests.push(("POST", format!("{order}/fulfilments"), units(3), 422, "quantity_exceeds_left", "/lines/0/quantity"));
        requests.push(("POST", format!("{order}/refunds"), units(1), 422, "refund_exceeds_paid", "/lines"));
        all_refused(&trade, requests).await;
    });
}
