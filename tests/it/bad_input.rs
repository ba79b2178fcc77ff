//! What cannot be right is refused in words that name field and reason, and nothing has changed afterwards.

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::fleet;
use crate::shop::{Answer, eventually, send};
use crate::trade::{Basket, Trade, address, line, text};

/// A request that must be refused: `(method, path, body, status, code, pointer of the first error)`.
type Refused<'t> = (&'t str, String, Value, u16, &'t str, &'t str);

/// Asserts that an answer is a problem of the wanted kind.
#[track_caller]
fn problem(answer: &Answer, what: &str, (status, code, pointer): (u16, &str, &str)) {
    assert_eq!((answer.status, answer.code()), (status, code), "{what}: {:#}", answer.body);
    assert_eq!(answer.header("content-type"), "application/problem+json", "{what}");
    assert_eq!(answer.body["errors"][0]["pointer"].as_str().unwrap_or(""), pointer, "{what}: {:#}", answer.body);
    for member in ["type", "title", "detail", "instance", "request_id"] {
        assert!(answer.body[member].as_str().is_some_and(|text| !text.is_empty()), "{what} has no {member}: {:#}", answer.body);
    }
}

/// Sends every request with the shop's secret key and the right version, and asserts that each is refused and none left a trace.
async fn all_refused(trade: &Trade, requests: Vec<Refused<'_>>) {
    let before = trade.everything().await;
    let mut wrong = Vec::new();
    for (number, (method, path, body, status, code, pointer)) in requests.into_iter().enumerate() {
        let what = format!("{method} {path} {}", body.to_string().chars().take(200).collect::<String>());
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let version = trade.get(&path).await.header("etag").to_owned();
        let mut request = trade.secret(method, &path).header("idempotency-key", format!("bad {number}")).json(&body);
        if !version.is_empty() {
            request = request.header("if-match", version);
        }
        let answer = send(request).await;
        let told = (answer.status, answer.code(), answer.body["errors"][0]["pointer"].as_str().unwrap_or(""));
        if told == (status, code, pointer) {
            problem(&answer, &what, told);
        } else {
            wrong.push(format!("{what}: {told:?} in place of {:?}", (status, code, pointer)));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    trade.assert_unchanged(&before).await;
}

#[test]
fn amounts_that_cannot_be() {
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
                ("POST", at(&payment, "refunds"), money(3_001, "INR"), 422, "refund_exceeds_captured", "/amount/amount"),
                ("POST", at(&payment, "refunds"), money(1, "USD"), 400, "currency_mismatch", "/amount/currency"),
                ("POST", at(&payment, "captures"), money(i64::MAX, "INR"), 422, "capture_exceeds_authorised", "/amount/amount"),
            ],
        )
        .await;
    });
}

#[test]
fn quantities_that_cannot_be() {
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
        requests.push((method, path, body, 422, "too_many_lines", "/lines/200"));
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

#[test]
#[expect(clippy::too_many_lines, reason = "a list of refusals")]
fn things_that_contradict_each_other() {
    fleet::test(async |fleet| {
        let trade = Trade::open(fleet, &[("A", 1_000, 10)]).await;
        let category = async |name: &str, parent: Option<&str>| {
            let body = json!({ "name": name, "parent_id": parent });
            trade.post("/v1/catalog/categories", &body).await.expect(201).id()
        };
        let top = category("Brakes", None).await;
        let below = category("Discs", Some(&top)).await;
        let bottom = category("Front", Some(&below)).await;
        let at = |path: &str| path.to_owned();
        let product = |variants: Value| json!({ "title": "X", "variants": variants });
        let class = trade.id("tax_class_id");
        let zone = text(&trade.get("/v1/pricing/tax-zones").await.body["data"][0]["id"]);
        let move_below = |parent: &str| json!({ "parent_id": parent });
        let top = format!("/v1/catalog/categories/{top}");
        all_refused(
            &trade,
            vec![
                ("POST", at("/v1/catalog/products"), product(json!([{ "sku": "A" }])), 409, "sku_taken", "/variants/0/sku"),
                (
                    "POST",
                    at("/v1/catalog/products"),
                    product(json!([{ "sku": "N" }, { "sku": "N" }])),
                    400,
                    "invalid_request",
                    "/variants/1/options",
                ),
                ("POST", at("/v1/catalog/products"), product(json!([])), 400, "invalid_request", "/variants"),
                ("PATCH", top.clone(), move_below(&bottom), 422, "category_cycle", "/parent_id"),
                ("PATCH", top.clone(), move_below(&below), 422, "category_cycle", "/parent_id"),
                ("PATCH", top.clone(), move_below(top.rsplit('/').next().unwrap_or("")), 422, "category_cycle", "/parent_id"),
                ("DELETE", top.clone(), json!({}), 409, "category_not_empty", ""),
                ("POST", at("/v1/catalog/categories"), json!({ "name": "Brakes" }), 409, "name_taken", "/name"),
                (
                    "POST",
                    at("/v1/inventory/locations"),
                    json!({ "code": "BLR-1", "name": "X" }),
                    409,
                    "location_code_taken",
                    "/code",
                ),
                (
                    "POST",
                    at("/v1/pricing/tax-zones"),
                    json!({ "name": "X", "areas": [{ "country": "IN" }] }),
                    409,
                    "area_taken",
                    "/areas",
                ),
                (
                    "POST",
                    at("/v1/pricing/tax-rates"),
                    json!({ "name": "GST", "zone_id": zone, "class_id": class, "rate_ppm": 1 }),
                    409,
                    "name_taken",
                    "/name",
                ),
                (
                    "POST",
                    at("/v1/pricing/tax-rates"),
                    json!({ "name": "X", "zone_id": zone, "class_id": class, "rate_ppm": 1_000_001 }),
                    400,
                    "invalid_request",
                    "/rate_ppm",
                ),
                ("PATCH", at("/v1/orders/settings"), json!({ "unpaid_hours": 0 }), 400, "invalid_request", "/unpaid_hours"),
                ("POST", at("/v1/carts"), json!({ "email": "no address" }), 400, "invalid_request", "/email"),
                (
                    "POST",
                    at("/v1/carts"),
                    json!({ "shipping_address": { "name": "A", "line1": "B", "city": "C", "country": "India" } }),
                    400,
                    "invalid_request",
                    "/shipping_address/country",
                ),
            ],
        )
        .await;
        for query in [
            "limit=0",
            "limit=101",
            "limit=x",
            "sort=size",
            "surprise=1",
            "cursor=",
            "category=prod_x",
            "updated_since=yesterday",
            "price_min=-1",
        ] {
            let answer = trade.get(&format!("/v1/catalog/products?{query}")).await;
            assert_eq!(answer.status, 400, "{query}: {:#}", answer.body);
            let named = answer.body.to_string();
            assert!(named.contains(query.split('=').next().unwrap_or("")), "{query}: {named}");
        }
        let answer = send(trade.secret(Method::DELETE, "/v1/orders")).await;
        problem(&answer, "a method that is not served", (405, "method_not_allowed", ""));
    });
}

#[test]
fn versions_that_nobody_has_seen() {
    fleet::test(async |fleet| {
        let trade = Trade::open(fleet, &[("A", 1_000, 10)]).await;
        let order = trade.order(&[("A", 1)]).await;
        let basket = trade.basket(&[("A", 1)]).await;
        let product = text(&trade.get("/v1/catalog/products").await.body["data"][0]["id"]);
        let before = trade.everything().await;
        for (path, body) in [
            (format!("/v1/catalog/products/{product}"), json!({ "title": "New" })),
            (format!("/v1/orders/{}", text(&order["id"])), json!({ "metadata": { "a": "b" } })),
            (format!("/v1/carts/{}", basket.id), json!({ "email": "new@example.com" })),
            (format!("/v1/delivery-options/{}", trade.id("delivery_option_id")), json!({ "name": "New" })),
            (format!("/v1/inventory/locations/{}", trade.id("location_id")), json!({ "name": "New" })),
            (format!("/v1/pricing/tax-classes/{}", trade.id("tax_class_id")), json!({ "name": "New" })),
            (format!("/v1/payments/connections/{}", trade.id("connection_id")), json!({ "name": "New" })),
        ] {
            let patch = |version: &str| {
                let request = trade.secret(Method::PATCH, &path).json(&body);
                send(if version.is_empty() { request } else { request.header("if-match", version.to_owned()) })
            };
            problem(&patch("").await, &path, (428, "if_match_required", ""));
            for version in ["\"99\"", "\"0\"", "\"-1\"", "\"99999999999999999999\"", "W/\"1\"", "*", "1", "\"\""] {
                problem(&patch(version).await, &format!("{path} {version}"), (412, "stale_version", ""));
            }
        }
        let body = json!({ "cart_id": basket.id, "expected_version": 2, "payment": { "token": "tok_success" } });
        problem(&trade.checkout(&basket, &body, "stale").await, "a cart that has changed", (412, "stale_version", ""));
        trade.assert_unchanged(&before).await;
    });
}

#[test]
fn another_guests_cart() {
    fleet::test(async |fleet| {
        let trade = Trade::open(fleet, &[("A", 1_000, 10)]).await;
        let (mine, theirs) = (trade.basket(&[("A", 1)]).await, trade.basket(&[("A", 1)]).await);
        let bought = trade.basket(&[("A", 1)]).await;
        let checkout = trade.buy(&bought, "tok_success", "bought").await.expect(201).id();
        let nobodys = format!("{}0000000000", &theirs.id[..theirs.id.len() - 10]);
        let with = |request: RequestBuilder, token: Option<&str>| match token {
            Some(token) => send(request.header("bloom-cart-token", token.to_owned()).header("if-match", "\"1\"")),
            None => send(request.header("if-match", "\"1\"")),
        };
        let line = text(&theirs.body["lines"][0]["id"]);
        let requests = |id: &str| {
            vec![
                trade.storefront(Method::GET, &format!("/v1/carts/{id}")),
                trade.storefront(Method::GET, &format!("/v1/carts/{id}/delivery-options")),
                trade.storefront(Method::PATCH, &format!("/v1/carts/{id}")).json(&json!({ "email": "thief@example.com" })),
                trade
                    .storefront(Method::POST, &format!("/v1/carts/{id}/lines"))
                    .json(&json!({ "lines": [{ "variant_id": trade.variant("A"), "quantity": 1 }] })),
                trade.storefront(Method::PATCH, &format!("/v1/carts/{id}/lines/{line}")).json(&json!({ "quantity": 5 })),
                trade.storefront(Method::DELETE, &format!("/v1/carts/{id}/lines/{line}")),
                trade
                    .storefront(Method::POST, "/v1/checkouts")
                    .header("idempotency-key", "thief")
                    .json(&json!({ "cart_id": id, "payment": { "token": "tok_success" } })),
            ]
        };
        let told = |mut answer: Answer| {
            for member in ["request_id", "instance"] {
                answer.body.as_object_mut().and_then(|body| body.remove(member));
            }
            (answer.status, answer.body)
        };
        for (there, nowhere) in requests(&theirs.id).into_iter().zip(requests(&nobodys)) {
            let (there, nowhere) = (with(there, Some(&mine.token)).await, with(nowhere, Some(&mine.token)).await);
            assert_eq!(there.status, 404, "{:#}", there.body);
            assert_eq!(told(there), told(nowhere), "a cart that is there looks like one that is not");
        }
        for token in [None, Some(""), Some("x")] {
            for request in requests(&theirs.id) {
                let answer = with(request, token).await;
                assert!(matches!(answer.status, 401 | 404), "{:#}", answer.body);
            }
        }
        let theirs_now =
            send(trade.storefront(Method::GET, &format!("/v1/carts/{}", theirs.id)).header("bloom-cart-token", &theirs.token));
        let mut before = theirs.body.clone();
        before.as_object_mut().and_then(|body| body.remove("token"));
        assert_eq!(theirs_now.await.expect(200).body, before);
        let spied = trade.storefront(Method::GET, &format!("/v1/checkouts/{checkout}")).header("bloom-cart-token", &mine.token);
        assert_eq!(send(spied).await.status, 404);
        for path in ["/v1/orders", "/v1/payments", "/v1/inventory/items", "/v1/identity/api-keys", "/v1/catalog/imports"] {
            let answer = send(trade.storefront(Method::GET, path)).await.expect(403);
            assert!(answer.body["policy"].is_string(), "the policy is named: {:#}", answer.body);
        }
    });
}

#[test]
fn card_numbers_never_enter() {
    fleet::test(async |fleet| {
        let trade = Trade::open(fleet, &[("A", 1_000, 10)]).await;
        for number in ["4111111111111111", "4242 4242 4242 4242", "5555-5555-5555-4444", "378282246310005"] {
            let basket = trade.basket(&[("A", 1)]).await;
            let answer = trade.buy(&basket, number, &format!("card {}", &number[..4])).await;
            problem(&answer, number, (422, "card_number_refused", "/payment/token"));
            assert!(!answer.body.to_string().contains(number), "it is not repeated");
            assert_eq!(stored(fleet, number).await, [""; 0], "nothing keeps {number}");
        }
        trade.assert_untouched(&[("A", 10)]).await;
    });
}

/// Columns of any service in which a text stands.
async fn stored(fleet: &fleet::Running, wanted: &str) -> Vec<String> {
    let mut database = fleet.database().await;
    let tables: Vec<String> = sqlx::query_scalar(
        "select format('%I.%I', schemaname, tablename) from pg_tables
         where schemaname not in ('pg_catalog', 'information_schema') and tablename not like '%\\_2%'",
    )
    .fetch_all(&mut database)
    .await
    .expect("the tables are listed");
    let mut found = Vec::new();
    for table in tables {
        let statement = format!("select exists (select from {table} t where strpos(t::text, $1) > 0)");
        let there: bool = sqlx::query_scalar(sqlx::AssertSqlSafe(statement))
            .bind(wanted)
            .fetch_one(&mut database)
            .await
            .expect("it can be read");
        found.extend(there.then_some(table));
    }
    found
}

#[test]
fn notices_that_the_provider_did_not_send() {
    fleet::test(async |fleet| {
        let trade = Trade::open(fleet, &[("A", 1_000, 10)]).await;
        let basket = trade.basket(&[("A", 1)]).await;
        let open = trade.buy(&basket, "tok_3ds", "3ds").await.expect(202).body;
        let before = trade.everything().await;
        let payment = trade.get("/v1/payments").await.body["data"][0].clone();
        let operations = trade.get(&format!("/v1/payments/{}/operations", text(&payment["id"]))).await.body;
        let path = format!("/v1/payments/webhooks/{}", trade.id("connection_id"));
        let notice = json!({
            "id": "evt_forged", "type": "authorisation.succeeded",
            "data": { "id": operations["data"][0]["provider_reference"], "idempotency_key": operations["data"][0]["id"], "status": "succeeded" },
        });
        let forge = |headers: &[(&str, &str)], body: &Value| {
            let request = trade.anonymous(Method::POST, &path).json(body);
            send(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value)))
        };
        let now = text_of_now(fleet).await;
        problem(&forge(&[], &notice).await, "without a signature", (401, "webhook_signature_missing", ""));
        for signature in ["v1,AAAA", "v1,", "garbage", "v1a,AAAA v1,BBBB"] {
            let headers = [("webhook-id", "evt_forged"), ("webhook-timestamp", now.as_str()), ("webhook-signature", signature)];
            problem(&forge(&headers, &notice).await, signature, (401, "webhook_signature_invalid", ""));
        }
        let headers = [("webhook-id", "evt"), ("webhook-timestamp", "soon"), ("webhook-signature", "v1,AAAA")];
        problem(&forge(&headers, &notice).await, "a time that is none", (400, "webhook_malformed", ""));
        for nowhere in ["conn_x".to_owned(), format!("{}0000000000", &trade.id("connection_id")[..21])] {
            let answer = send(trade.anonymous(Method::POST, &format!("/v1/payments/webhooks/{nowhere}")).json(&notice)).await;
            assert!(matches!(answer.status, 401 | 404), "{:#}", answer.body);
        }
        let other = format!("/v1/payments/return/{}?connection={}", text(&payment["id"]), "conn_01jd6zv4x8e5yag7k3m2n9p0qr");
        assert_eq!(send(trade.anonymous(Method::GET, &other)).await.status, 404);
        trade.assert_unchanged(&before).await;
        assert_eq!(trade.checkout_now(&basket, &text(&open["id"])).await["status"], "action_required");
        let url = text(&open["action"]["url"]);
        let page = url.strip_prefix(&trade.url).expect("it leads through the gateway").to_owned();
        send(trade.anonymous(Method::POST, &format!("{page}&outcome=decline"))).await;
        eventually("the checkout ends", async || {
            (trade.checkout_now(&basket, &text(&open["id"])).await["status"] == "failed").then_some(())
        })
        .await;
    });
}

/// Seconds since 1970, by the database's clock.
async fn text_of_now(fleet: &fleet::Running) -> String {
    let statement = "select floor(extract(epoch from clock_timestamp()))::bigint::text";
    sqlx::query_scalar(statement).fetch_one(&mut fleet.database().await).await.expect("it has a clock")
}

#[test]
fn keys_that_are_over() {
    fleet::test(async |fleet| {
        let trade = Trade::open(fleet, &[("A", 1_000, 10)]).await;
        let soon =
            "select to_char(clock_timestamp() at time zone 'utc' + interval '1500 ms', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')";
        let soon: String = sqlx::query_scalar(soon).fetch_one(&mut fleet.database().await).await.expect("it has a clock");
        let body = json!({ "kind": "secret", "name": "Short", "expires_at": soon });
        let key = trade.post("/v1/identity/api-keys", &body).await.expect(201);
        let secret = text(&key.body["secret"]);
        let ask = || send(trade.anonymous(Method::GET, "/v1/catalog/products").bearer_auth(&secret));
        ask().await.expect(200);
        let dead = eventually("the key is over", async || {
            let answer = ask().await;
            (answer.status != 200).then_some(answer)
        })
        .await;
        problem(&dead, "a key that is over", (401, "key_unknown", ""));
        let early = json!({ "kind": "secret", "name": "Past", "expires_at": "2020-01-01T00:00:00Z" });
        all_refused(&trade, vec![("POST", "/v1/identity/api-keys".to_owned(), early, 400, "invalid_request", "/expires_at")])
            .await;
    });
}

#[test]
fn one_broken_line_of_seventy_thousand() {
    fleet::test(async |fleet| {
        let trade = Trade::open(fleet, &[("A", 1_000, 10)]).await;
        // Empty lines count and cost nothing: the file is long, and quickly read.
        let mut lines = vec![String::new(); 70_050];
        let mut products = 0;
        for number in (0..70_050).step_by(250).chain(69_990..70_050) {
            if number != 70_000 && lines[number].is_empty() {
                lines[number] = line(&(&format!("L{number}"), 500, 5)).to_string();
                products += 1;
            }
        }
        lines[70_000] =
            r#"{"external_id":"broken","title":"Broken","variants":[{"sku":"BROKEN","prices":[{"amount":"free"}]}]}"#.to_owned();
        let request = trade.secret(Method::POST, "/v1/catalog/imports").header("content-type", "application/x-ndjson");
        let job = send(request.body(lines.join("\n"))).await.expect(202);
        let path = format!("/v1/catalog/imports/{}", job.id());
        let job = eventually("the import ends", async || {
            let job = trade.get(&path).await.body;
            (job["status"] == "completed").then_some(job)
        })
        .await;
        assert_eq!([&job["lines_failed"], &job["products_created"]], [&json!(1), &json!(products)], "{job:#}");
        let report = trade.get(&format!("{path}/report")).await.expect(200).body;
        assert_eq!([&report["line"], &report["pointer"]], [&json!(70_001), &json!("/variants/0/prices/0/amount")], "{report:#}");
        assert!(trade.get("/v1/catalog/products?sort=-created&limit=1").await.body["data"][0]["title"] == "Part L70049");
    });
}

#[test]
fn bodies_that_are_none() {
    fleet::test(async |fleet| {
        let trade = Trade::open(fleet, &[("A", 1_000, 10)]).await;
        let before = trade.everything().await;
        let post = |kind: &str, body: Vec<u8>| {
            send(trade.secret(Method::POST, "/v1/carts").header("content-type", kind.to_owned()).body(body))
        };
        let json = "application/json";
        for body in ["", "{", "{\"lines\":[}", "nil", "{} {}", "\u{feff}{}", "{\"email\":'a'}"] {
            problem(&post(json, body.into()).await, body, (400, "json_malformed", ""));
        }
        problem(&post(json, "{\"email\":\"\\ud800\"}".into()).await, "half a letter", (400, "json_malformed", ""));
        problem(&post(json, vec![b'{', b'"', 0xff, b'"', b':', b'1', b'}']).await, "no UTF-8", (400, "json_malformed", ""));
        problem(&post(json, "[".repeat(100_000).into()).await, "deep", (400, "invalid_request", ""));
        problem(
            &post(json, format!("{{\"metadata\":{}", "{\"a\":".repeat(10_000)).into()).await,
            "deeper",
            (400, "invalid_request", "/metadata/a"),
        );
        for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/jsonx", ""] {
            problem(&post(kind, "{}".into()).await, kind, (415, "content_type_unsupported", ""));
        }
        let large = json!({ "email": "x".repeat(1_100_000) }).to_string();
        problem(&post(json, large.into()).await, "large", (413, "body_too_large", ""));
        let request = trade.secret(Method::POST, "/v1/catalog/imports").header("content-type", json).body("{}");
        problem(&send(request).await, "an import of JSON", (415, "content_type_unsupported", ""));
        let unknown = json!({ "shipping_address": address(), "surprise": 1 });
        problem(
            &send(trade.secret(Method::POST, "/v1/carts").json(&unknown)).await,
            "unknown",
            (400, "invalid_request", "/surprise"),
        );
        let basket: Basket = trade.basket(&[("A", 1)]).await;
        assert_eq!(basket.version(), 1);
        trade.assert_unchanged(&before).await;
    });
}
