//! Invalid requests: each is refused with a code and a pointer to the field, and changes nothing.

mod access;
mod numbers;

use reqwest::Method;
use serde_json::{Value, json};

use crate::fleet;
use crate::shop::{Answer, eventually, send};
use crate::trade::{Basket, Trade, address, line, text};

/// A request that must be refused: `(method, path, body, status, code, pointer of the first error)`.
type Refused<'t> = (&'t str, String, Value, u16, &'t str, &'t str);

/// Asserts that the answer is a problem document with this status, code and pointer.
#[track_caller]
fn problem(answer: &Answer, what: &str, (status, code, pointer): (u16, &str, &str)) {
    assert_eq!((answer.status, answer.code()), (status, code), "{what}: {:#}", answer.body);
    assert_eq!(answer.header("content-type"), "application/problem+json", "{what}");
    assert_eq!(answer.body["errors"][0]["pointer"].as_str().unwrap_or(""), pointer, "{what}: {:#}", answer.body);
    for member in ["type", "title", "detail", "instance", "request_id"] {
        assert!(answer.body[member].as_str().is_some_and(|text| !text.is_empty()), "{what} has no {member}: {:#}", answer.body);
    }
}

/// Sends every request with the shop's secret key and the current version. Asserts that each is refused and changes nothing.
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
        let found = (answer.status, answer.code(), answer.body["errors"][0]["pointer"].as_str().unwrap_or(""));
        if found == (status, code, pointer) {
            problem(&answer, &what, found);
        } else {
            wrong.push(format!("{what}: {found:?} in place of {:?}", (status, code, pointer)));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    trade.assert_unchanged(&before).await;
}

#[test]
#[expect(clippy::too_many_lines, reason = "a list of refusals")]
fn contradicting_fields_are_refused() {
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
fn unknown_versions_are_refused() {
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
            for version in ["\"99\"", "\"0\"", "\"-1\"", "\"01\"", "\"+1\"", "\"99999999999999999999\"", "\"\""] {
                problem(&patch(version).await, &format!("{path} {version}"), (412, "stale_version", ""));
            }
            for none in ["W/\"1\"", "*", "1", "\"1\", \"2\""] {
                problem(&patch(none).await, &format!("{path} {none}"), (400, "if_match_invalid", ""));
            }
        }
        let body = json!({ "cart_id": basket.id, "expected_version": 2, "payment": { "token": "tok_success" } });
        problem(&trade.checkout(&basket, &body, "stale").await, "a cart that has changed", (412, "stale_version", ""));
        trade.assert_unchanged(&before).await;
    });
}

#[test]
fn one_bad_line_of_seventy_thousand_is_reported() {
    fleet::test(async |fleet| {
        let trade = Trade::open(fleet, &[("A", 1_000, 10)]).await;
        // Empty lines are counted but cost nothing, so the long file is read quickly.
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
        // A line of the report for each violation of the line of the import.
        let report = report.as_str().expect("lines of JSON").lines();
        let report: Vec<Value> = report.map(|line| serde_json::from_str(line).expect("JSON")).collect();
        let wrong = |name: &str| json!([70_001, format!("/variants/0/prices/0/{name}")]);
        let found: Vec<Value> = report.iter().map(|row| json!([row["line"], row["pointer"]])).collect();
        assert_eq!(found, [wrong("currency"), wrong("amount")], "{report:#?}");
        assert!(trade.get("/v1/catalog/products?sort=-created&limit=1").await.body["data"][0]["title"] == "Part L70049");
    });
}

#[test]
fn malformed_bodies_are_refused() {
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
        problem(&post(json, "[".repeat(100_000).into()).await, "deep", (400, "json_malformed", ""));
        problem(
            &post(json, format!("{{\"metadata\":{}", "{\"a\":".repeat(10_000)).into()).await,
            "deeper",
            (400, "json_malformed", ""),
        );
        problem(
            &post(json, b"{\"metadata\":{\"a\":{\"a\":{}}}}".into()).await,
            "nested",
            (400, "invalid_request", "/metadata/a"),
        );
        let many = post(json, br#"{"email": 5, "metadata": [], "surprise": 1, "lines": [{"quantity": 1.0}, []]}"#.into()).await;
        let errors = many.body["errors"].as_array().into_iter().flatten();
        let mut found: Vec<_> = errors.map(|wrong| [&wrong["pointer"], &wrong["code"]].map(text)).collect();
        found.sort_unstable();
        assert_eq!(
            found,
            [
                ["/email", "type"],
                ["/lines/0/quantity", "type"],
                ["/lines/0/variant_id", "required"],
                ["/lines/1", "type"],
                ["/metadata", "type"],
                ["/surprise", "unknown_field"],
            ],
            "all errors are reported at once: {:#}",
            many.body
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
