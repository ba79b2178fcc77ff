//! Price lists through REST.

use bloom_kernel::{ChannelId, PriceListId};
use chrono::TimeDelta;
use serde_json::{Value, json};

use super::{stage, text};

#[tokio::test]
async fn a_list_is_made_read_changed_and_told() {
    let stage = stage().await;
    let input = json!({ "code": "summer", "name": "Summer", "currency": "EUR", "gross": true, "tax_country": "DE",
        "starts_at": "2026-06-01T00:00:00Z", "ends_at": "2026-09-01T00:00:00Z", "priority": 10, "metadata": { "erp": "7" } });
    let made = stage.door.post("/v1/pricing/price-lists").key("k1").json(&input).send().await.expect(201);
    let again = stage.door.post("/v1/pricing/price-lists").key("k1").json(&input).send().await.expect(201);
    assert_eq!((made.id(), again.header("idempotent-replayed")), (again.id(), "true"));
    let path = format!("/v1/pricing/price-lists/{}", made.id());
    let read = stage.door.get(&path).send().await.expect(200);
    assert_eq!(read.json, made.json);
    assert_eq!(read.json["status"], "draft");
    let _ = stage.door.get(&path).header("if-none-match", read.header("etag")).send().await.expect(304);

    let change = json!({ "status": "active", "ends_at": null, "priority": 20, "metadata": { "erp": null, "season": "s" } });
    assert_eq!(stage.door.patch(&path).json(&change).send().await.expect(428).code(), "if_match_required");
    let changed = stage.door.patch(&path).if_match(1).json(&change).send().await.expect(200);
    assert_eq!((changed.version(), &changed.json["ends_at"], &changed.json["priority"]), (2, &Value::Null, &json!(20)));
    assert_eq!((&changed.json["starts_at"], &changed.json["metadata"]), (&made.json["starts_at"], &json!({ "season": "s" })));
    assert_eq!(stage.door.patch(&path).if_match(1).json(&change).send().await.expect(412).code(), "stale_version");
    let told = stage.events(&made.id()).await;
    assert_eq!(told, [("price_list.created".to_owned(), 1), ("price_list.updated".to_owned(), 2)]);
}

#[tokio::test]
async fn what_a_list_cannot_be_is_refused_by_field() {
    let stage = stage().await;
    let good = json!({ "code": "a", "name": "A", "currency": "EUR", "gross": true });
    let with = |field: &str, value: Value| {
        let mut input = good.clone();
        input[field] = value;
        input
    };
    let mut backwards = with("starts_at", json!("2026-06-01T00:00:00Z"));
    backwards["ends_at"] = json!("2026-06-01T00:00:00Z");
    let mut net = with("gross", json!(false));
    net["tax_country"] = json!("DE");
    let cases = [
        (with("code", json!("No Blanks")), 400, "/code"),
        (with("name", json!("  ")), 400, "/name"),
        (with("name", json!("x".repeat(256))), 400, "/name"),
        (with("currency", json!("EURO")), 400, "/currency"),
        (with("currency", json!("XAU")), 400, "/currency"),
        (with("tax_country", json!("germany")), 400, "/tax_country"),
        (with("priority", json!(3_000_000_000_i64)), 400, "/priority"),
        (with("status", json!("open")), 400, "/status"),
        (with("channel_id", json!("chan_nonsense")), 400, "/channel_id"),
        (with("is_base", json!(true)), 400, "/is_base"),
        (backwards, 422, "/ends_at"),
        (net, 422, "/tax_country"),
    ];
    for (input, status, pointer) in cases {
        let answer = stage.door.post("/v1/pricing/price-lists").json(&input).send().await.expect(status);
        assert_eq!(answer.json["errors"][0]["pointer"], pointer, "{}", answer.text);
    }
    let unknown = with("channel_id", json!(stage.id::<ChannelId>()));
    let unknown = stage.door.post("/v1/pricing/price-lists").json(&unknown).send().await.expect(404);
    assert_eq!(unknown.json["errors"][0]["pointer"], "/channel_id");
    stage.made("price-lists", good.clone()).await;
    let taken = stage.door.post("/v1/pricing/price-lists").json(&good).send().await.expect(409);
    assert_eq!((taken.code(), &taken.json["errors"][0]["pointer"]), ("code_taken", &json!("/code")));
    let _ = stage.door.post("/v1/pricing/price-lists").raw("application/json", "{").send().await.expect(400);
    let _ = stage.door.post("/v1/pricing/price-lists").raw("text/plain", "{}").send().await.expect(415);
}

#[tokio::test]
async fn the_base_list_is_made_on_demand_and_always_on() {
    let stage = stage().await;
    stage.price(None, stage.id(), 1, 100).await;
    stage.price(None, stage.id(), 1, 200).await;
    let lists = stage.door.get("/v1/pricing/price-lists?currency=EUR").send().await.expect(200).json["data"].clone();
    assert_eq!(lists.as_array().unwrap().len(), 1);
    assert_eq!((&lists[0]["code"], &lists[0]["is_base"], &lists[0]["gross"]), (&json!("base-eur"), &json!(true), &json!(true)));
    let path = format!("/v1/pricing/price-lists/{}", text(&lists[0]["id"]));
    for change in [json!({ "status": "archived" }), json!({ "ends_at": "2030-01-01T00:00:00Z" })] {
        let refused = stage.door.patch(&path).if_match(1).json(&change).send().await.expect(422);
        assert_eq!(refused.code(), "base_list_fixed");
    }
    let _ = stage.door.patch(&path).if_match(1).json(&json!({ "gross": false, "priority": -5 })).send().await.expect(200);
}

#[tokio::test]
async fn lists_are_paged_and_filtered_and_belong_to_their_tenant() {
    let stage = stage().await;
    let mut ids = Vec::new();
    for number in 0..5 {
        let status = if number % 2 == 0 { "active" } else { "draft" };
        ids.push(stage.list(&format!("l{number}"), json!({ "status": status })).await);
        stage.bench.clock.advance(TimeDelta::milliseconds(1));
    }
    let first = stage.door.get("/v1/pricing/price-lists?limit=2&status=active").send().await.expect(200).json;
    let next = text(&first["page"]["next"]);
    let second =
        stage.door.get(&format!("/v1/pricing/price-lists?limit=2&status=active&cursor={next}")).send().await.expect(200).json;
    let seen: Vec<String> =
        [&first, &second].iter().flat_map(|page| page["data"].as_array().unwrap()).map(|list| text(&list["id"])).collect();
    assert_eq!(seen, [ids[0].clone(), ids[2].clone(), ids[4].clone()]);
    assert_eq!(second["page"]["next"], Value::Null);
    let tampered =
        stage.door.get(&format!("/v1/pricing/price-lists?limit=2&status=draft&cursor={next}")).send().await.expect(400);
    assert_eq!(tampered.code(), "cursor_invalid");
    let _ = stage.door.get("/v1/pricing/price-lists?limit=0").send().await.expect(400);
    let _ = stage.door.get("/v1/pricing/price-lists?colour=red").send().await.expect(400);

    let path = format!("/v1/pricing/price-lists/{}", ids[0]);
    let unknown: PriceListId = stage.id();
    let unknown = stage.door.get(&format!("/v1/pricing/price-lists/{unknown}")).send().await.expect(404);
    let foreign = stage.door.get(&path).tenant(stage.bench.other_tenant).send().await.expect(404);
    assert_eq!((unknown.code(), &unknown.json["detail"]), (foreign.code(), &foreign.json["detail"]));
    let change = json!({ "name": "Mine" });
    let _ = stage.door.patch(&path).tenant(stage.bench.other_tenant).if_match(1).json(&change).send().await.expect(404);
    let theirs = stage.door.get("/v1/pricing/price-lists").tenant(stage.bench.other_tenant).send().await.expect(200);
    assert_eq!(theirs.json["data"], json!([]));
    let _ = stage.door.get(&path).publishable(&["pricing:quote"]).send().await.expect(403);
    let _ = stage.door.get(&path).anonymous().send().await.expect(401);
}
