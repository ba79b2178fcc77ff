//! The REST API: bodies, versions, pages, refusals, tenants.

use bloom_kernel::{HoldId, LocationId, VariantId};
use chrono::TimeDelta;
use serde_json::{Value, json};

use super::fixture;

#[tokio::test]
async fn a_location_is_created_read_changed_and_listed() {
    let fixture = fixture().await;
    let input = json!({ "code": "BLR-1", "name": "Bengaluru", "priority": 3 });
    let created = fixture.client.post("/v1/inventory/locations").key("k1").json(&input).send().await.expect(201);
    assert_eq!((created.version(), &created.json["active"]), (1, &Value::Bool(true)));
    let again = fixture.client.post("/v1/inventory/locations").key("k1").json(&input).send().await.expect(201);
    assert_eq!(again.json, created.json);
    let taken = fixture.client.post("/v1/inventory/locations").json(&input).send().await.expect(409);
    assert_eq!(taken.code(), "location_code_taken");

    let path = format!("/v1/inventory/locations/{}", created.id());
    assert_eq!(fixture.client.get(&path).send().await.expect(200).json, created.json);
    let change = json!({ "name": "Bangalore" });
    assert_eq!(fixture.client.patch(&path).json(&change).send().await.status, 428);
    let changed = fixture.client.patch(&path).if_match(1).json(&change).send().await.expect(200);
    assert_eq!(
        (changed.version(), changed.json["name"].as_str(), &changed.json["code"]),
        (2, Some("Bangalore"), &json!("BLR-1"))
    );
    assert_eq!(fixture.client.patch(&path).if_match(1).json(&change).send().await.code(), "stale_version");

    for (code, priority) in [("C", 4), ("A", 1), ("B", 5)] {
        fixture.location(code, priority).await;
    }
    let first = fixture.client.get("/v1/inventory/locations?limit=2").send().await.expect(200);
    let cursor = first.json["page"]["next"].as_str().unwrap();
    let second = fixture.client.get(&format!("/v1/inventory/locations?limit=2&cursor={cursor}")).send().await.expect(200);
    let codes = |page: &Value| -> Vec<String> {
        page["data"].as_array().unwrap().iter().map(|l| l["code"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!([codes(&first.json), codes(&second.json)].concat(), ["A", "BLR-1", "C", "B"]);
    assert!(second.json["page"]["next"].is_null());
    let stolen =
        fixture.client.get(&format!("/v1/inventory/locations?cursor={cursor}")).tenant(fixture.env.other_tenant).send().await;
    assert_eq!((stolen.status, stolen.code()), (400, "cursor_invalid"));
}

#[tokio::test]
async fn an_item_shows_its_levels_and_guards_its_settings() {
    let fixture = fixture().await;
    let shop = fixture.location("A", 0).await;
    let variant: VariantId = fixture.id();
    let input = json!({ "variant_id": variant, "location_id": shop, "on_hand": 7, "safety_stock": 2 });
    let created = fixture.client.post("/v1/inventory/items").json(&input).send().await.expect(201);
    assert_eq!((&created.json["available"], &created.json["sellable"]), (&5.into(), &5.into()));
    assert_eq!(fixture.client.post("/v1/inventory/items").json(&input).send().await.code(), "item_exists");

    let path = format!("/v1/inventory/items/{variant}/{shop}");
    let read = fixture.client.get(&path).send().await.expect(200);
    assert_eq!((read.version(), &read.json), (created.version(), &created.json));
    assert_eq!(fixture.client.patch(&path).json(&json!({ "safety_stock": 0 })).send().await.status, 428);
    // A hold changes the levels but not the settings that the writer has read.
    fixture.take(variant, 1).await.unwrap();
    fixture.env.clock.advance(TimeDelta::seconds(1));
    let safe = fixture.client.patch(&path).if_match(read.version()).json(&json!({ "safety_stock": 3 })).send().await.expect(200);
    assert!(read.version() + 1 < safe.version());
    assert_ne!(safe.json["updated_at"], read.json["updated_at"]);
    let late = fixture.client.patch(&path).if_match(read.version()).json(&json!({ "safety_stock": 2 })).send().await;
    assert_eq!((late.status, late.code()), (412, "stale_version"));
    let future = fixture.client.patch(&path).if_match(99).json(&json!({ "safety_stock": 2 })).send().await;
    assert_eq!((future.status, future.code()), (412, "stale_version"));
    fixture.settings(variant, shop, &json!({ "backorder_limit": 9 })).await;
    let item = fixture.item(variant, shop).await;
    assert_eq!((&item["safety_stock"], &item["backorder_limit"], &item["sellable"]), (&3.into(), &9.into(), &12.into()));
}

#[tokio::test]
async fn lists_of_items_page_by_variant_and_location() {
    let fixture = fixture().await;
    let (a, b) = (fixture.location("A", 0).await, fixture.location("B", 0).await);
    let mut variants = Vec::new();
    for _ in 0..3 {
        variants.push(fixture.variant(&[(a, 1), (b, 2)]).await);
    }
    let all = fixture.client.get("/v1/inventory/items").send().await.expect(200);
    let all = all.json["data"].as_array().unwrap();
    assert_eq!(all.len(), 6);
    let mut paged = Vec::new();
    let mut path = "/v1/inventory/items?limit=4".to_owned();
    loop {
        let page = fixture.client.get(&path).send().await.expect(200).json;
        paged.extend(page["data"].as_array().unwrap().clone());
        let Some(next) = page["page"]["next"].as_str() else { break };
        path = format!("/v1/inventory/items?limit=4&cursor={next}");
    }
    assert_eq!(&paged, all);
    let count = async |query: String| {
        fixture.client.get(&format!("/v1/inventory/items?{query}")).send().await.expect(200).json["data"]
            .as_array()
            .unwrap()
            .len()
    };
    assert_eq!(count(format!("variant_id={}", variants[1])).await, 2);
    assert_eq!(count(format!("location_id={b}")).await, 3);
    assert_eq!(count(format!("variant_id={}&location_id={b}", variants[1])).await, 1);
}

#[tokio::test]
async fn adjustments_write_movements_all_or_none() {
    let fixture = fixture().await;
    let shop = fixture.location("A", 0).await;
    let (one, two): (VariantId, VariantId) = (fixture.id(), fixture.id());
    let input = |kind: &str, quantities: [i64; 2]| {
        json!({ "kind": kind, "reason": "why not", "lines": [
            { "variant_id": one, "location_id": shop, "quantity": quantities[0] },
            { "variant_id": two, "location_id": shop, "quantity": quantities[1] },
        ] })
    };
    let post = async |body: &Value| fixture.client.post("/v1/inventory/adjustments").json(body).send().await;
    let done = post(&input("received", [5, 6])).await.expect(201);
    assert_eq!(done.json["movements"][0]["on_hand_delta"], 5);
    assert_eq!(done.json["movements"][1]["reason"], "why not");
    fixture.env.clock.advance(TimeDelta::seconds(1));
    let _ = post(&input("adjusted", [-2, 1])).await.expect(201);
    fixture.env.clock.advance(TimeDelta::seconds(1));
    let _ = post(&input("counted", [3, 0])).await.expect(201);
    assert_eq!([fixture.levels(one, shop).await[0], fixture.levels(two, shop).await[0]], [3, 0]);
    let below = post(&input("adjusted", [1, -1])).await.expect(409);
    assert_eq!(below.code(), "on_hand_out_of_range");
    assert_eq!(fixture.levels(one, shop).await[0], 3);

    let listed = fixture.client.get(&format!("/v1/inventory/movements?variant_id={one}&limit=2")).send().await.expect(200);
    let kinds: Vec<_> = listed.json["data"].as_array().unwrap().iter().map(|m| m["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["counted", "adjusted"]);
    let next = listed.json["page"]["next"].as_str().unwrap();
    let rest =
        fixture.client.get(&format!("/v1/inventory/movements?variant_id={one}&limit=2&cursor={next}")).send().await.expect(200);
    assert_eq!(rest.json["data"][0]["kind"], "received");
}

#[tokio::test]
async fn a_hold_is_placed_extended_and_released_over_rest() {
    let fixture = fixture().await;
    let shop = fixture.location("A", 0).await;
    let variant = fixture.variant(&[(shop, 2)]).await;
    let input = json!({ "lines": [{ "line_id": "1", "variant_id": variant, "quantity": 2 }], "ttl_seconds": 60 });
    let made = fixture.client.post("/v1/inventory/holds").key("h").json(&input).send().await.expect(201);
    let again = fixture.client.post("/v1/inventory/holds").key("h").json(&input).send().await.expect(201);
    assert_eq!(made.json, again.json);
    let short = fixture.client.post("/v1/inventory/holds").json(&input).send().await.expect(409);
    assert_eq!((short.code(), &short.json["errors"][0]["pointer"]), ("insufficient_stock", &json!("/lines/0")));

    let path = format!("/v1/inventory/holds/{}", made.id());
    let extended = fixture.client.post(&format!("{path}/extend")).json(&json!({ "ttl_seconds": 90 })).send().await.expect(200);
    assert_eq!(extended.json["version"], 2);
    let released = fixture.client.post(&format!("{path}/release")).send().await.expect(200);
    assert_eq!(released.json["status"], "released");
    let late = fixture.client.post(&format!("{path}/extend")).json(&json!({ "ttl_seconds": 90 })).send().await.expect(409);
    assert_eq!(late.code(), "hold_expired");

    fixture.env.clock.advance(TimeDelta::seconds(1));
    let _ = fixture.client.post("/v1/inventory/holds").json(&input).send().await.expect(201);
    fixture.env.clock.advance(TimeDelta::seconds(61));
    let active = fixture.client.get("/v1/inventory/holds?status=active").send().await.expect(200);
    assert_eq!(active.json["data"], json!([]));
    let all = fixture.client.get("/v1/inventory/holds").send().await.expect(200);
    let statuses: Vec<_> = all.json["data"].as_array().unwrap().iter().map(|h| h["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["expired", "released"]);
}

#[tokio::test]
async fn bad_input_is_refused_by_field() {
    let fixture = fixture().await;
    let shop = fixture.location("A", 0).await;
    let variant = fixture.variant(&[(shop, 1)]).await;
    let line = |quantity: Value| json!([{ "variant_id": variant, "location_id": shop, "quantity": quantity }]);
    let held = |quantity: Value| json!([{ "line_id": "1", "variant_id": variant, "quantity": quantity }]);
    let cases = [
        ("locations", json!({ "code": "A B", "name": "x" }), "/code"),
        ("locations", json!({ "code": "B", "name": "" }), "/name"),
        ("locations", json!({ "code": "B", "name": "x", "priority": -1 }), "/priority"),
        ("locations", json!({ "code": "B", "name": "x", "secret": 1 }), "/secret"),
        ("items", json!({ "variant_id": "var_1", "location_id": shop }), "/variant_id"),
        ("items", json!({ "variant_id": variant, "location_id": shop, "on_hand": -1 }), "/on_hand"),
        ("items", json!({ "variant_id": variant, "location_id": shop, "safety_stock": 1_000_000_001 }), "/safety_stock"),
        ("adjustments", json!({ "kind": "received", "lines": line(json!(-1)) }), "/lines/0/quantity"),
        ("adjustments", json!({ "kind": "received", "lines": line(json!(9_223_372_036_854_775_807_i64)) }), "/lines/0/quantity"),
        ("adjustments", json!({ "kind": "adjusted", "lines": line(json!(i64::MIN)) }), "/lines/0/quantity"),
        ("adjustments", json!({ "kind": "adjusted", "lines": line(json!(0)) }), "/lines/0/quantity"),
        ("adjustments", json!({ "kind": "received", "lines": line(json!(1.5)) }), "/lines/0/quantity"),
        ("adjustments", json!({ "kind": "received", "lines": [] }), "/lines"),
        ("adjustments", json!({ "kind": "shipped", "lines": line(json!(1)) }), "/kind"),
        ("holds", json!({ "lines": held(json!(0)) }), "/lines/0/quantity"),
        ("holds", json!({ "lines": held(json!(1)), "ttl_seconds": 0 }), "/ttl_seconds"),
    ];
    for (resource, body, pointer) in cases {
        let answer = fixture.client.post(&format!("/v1/inventory/{resource}")).json(&body).send().await;
        assert_eq!(answer.status, 400, "{body} {}", answer.text);
        let found = answer.json["errors"][0]["pointer"].as_str().unwrap();
        assert!(found == pointer || pointer == "/secret", "{body}: {found}");
    }
    assert_eq!(fixture.levels(variant, shop).await, [1, 0, 0, 1]);
}

#[tokio::test]
async fn another_tenant_finds_nothing() {
    let fixture = fixture().await;
    let shop = fixture.location("A", 0).await;
    let variant = fixture.variant(&[(shop, 1)]).await;
    let hold = fixture.take(variant, 1).await.unwrap().hold_id;
    let (no_shop, no_hold): (LocationId, HoldId) = (fixture.id(), fixture.id());
    let cases = [
        ("GET", format!("locations/{shop}"), format!("locations/{no_shop}"), Value::Null),
        ("PATCH", format!("locations/{shop}"), format!("locations/{no_shop}"), json!({ "name": "mine" })),
        ("GET", format!("items/{variant}/{shop}"), format!("items/{variant}/{no_shop}"), Value::Null),
        ("PATCH", format!("items/{variant}/{shop}"), format!("items/{variant}/{no_shop}"), json!({ "safety_stock": 1 })),
        ("GET", format!("holds/{hold}"), format!("holds/{no_hold}"), Value::Null),
        ("POST", format!("holds/{hold}/extend"), format!("holds/{no_hold}/extend"), json!({ "ttl_seconds": 5 })),
        ("POST", format!("holds/{hold}/release"), format!("holds/{no_hold}/release"), json!({})),
    ];
    for (method, foreign, unknown, body) in cases {
        let send = async |path: &str| {
            let path = format!("/v1/inventory/{path}");
            let request = fixture.client.ask(method, &path).tenant(fixture.env.other_tenant).if_match(1);
            let request = if body.is_null() { request } else { request.json(&body) };
            request.send().await
        };
        let (foreign, unknown) = (send(&foreign).await, send(&unknown).await);
        assert_eq!((foreign.status, unknown.status), (404, 404), "{method} {}", foreign.text);
        assert_eq!(foreign.json["detail"], unknown.json["detail"]);
    }
    let item = json!({ "variant_id": variant, "location_id": shop, "on_hand": 1 });
    let stolen = fixture.client.post("/v1/inventory/items").tenant(fixture.env.other_tenant).json(&item).send().await;
    assert_eq!(stolen.status, 404, "{}", stolen.text);
    let listed = fixture.client.get("/v1/inventory/items").tenant(fixture.env.other_tenant).send().await.expect(200);
    assert_eq!(listed.json["data"], json!([]));
}

#[tokio::test]
async fn a_key_without_the_permission_is_refused_by_policy() {
    let fixture = fixture().await;
    let refused = fixture.client.get("/v1/inventory/locations").publishable(&["catalog:read"]).send().await;
    assert_eq!((refused.status, &refused.json["policy"]), (403, &json!("scope:inventory:read")));
    let read_only = fixture.client.post("/v1/inventory/locations").scopes(&["inventory:read"]).json(&json!({})).send().await;
    assert_eq!(read_only.status, 403);
    assert_eq!(fixture.client.get("/v1/inventory/locations").anonymous().send().await.status, 401);
}

#[tokio::test]
async fn inputs_agree_with_their_schemas() {
    let _fixture = fixture().await;
    bloom_testkit::assert_inputs_agree();
}
