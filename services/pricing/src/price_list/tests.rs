//! Price lists through REST.

use bloom_kernel::{ChannelId, PriceListId, VariantId};
use bloom_testkit::assert_schema_agrees;
use chrono::TimeDelta;
use insta::assert_json_snapshot;
use serde_json::{Value, json};

use super::model::{PriceListCreate, PriceListUpdate};
use crate::tests::{fixture, text, with_stable_ids};

#[tokio::test]
async fn create_get_and_update_a_list() {
    let fixture = fixture().await;
    let input = json!({ "code": "summer", "name": "Summer", "currency": "EUR", "gross": true, "tax_country": "DE",
        "starts_at": "2026-06-01T00:00:00Z", "ends_at": "2026-09-01T00:00:00Z", "priority": 10, "metadata": { "erp": "7" } });
    let created = fixture.client.post("/v1/pricing/price-lists").key("k1").json(&input).send().await.expect(201);
    let again = fixture.client.post("/v1/pricing/price-lists").key("k1").json(&input).send().await.expect(201);
    assert_eq!((created.id(), again.header("idempotent-replayed")), (again.id(), "true"));
    let path = format!("/v1/pricing/price-lists/{}", created.id());
    let read = fixture.client.get(&path).send().await.expect(200);
    assert_eq!(read.json, created.json);
    assert_eq!(read.json["status"], "draft");
    let _ = fixture.client.get(&path).header("if-none-match", read.header("etag")).send().await.expect(304);

    let change = json!({ "status": "active", "ends_at": null, "priority": 20, "metadata": { "erp": null, "season": "s" } });
    assert_eq!(fixture.client.patch(&path).json(&change).send().await.expect(428).code(), "if_match_required");
    let changed = fixture.client.patch(&path).if_match(1).json(&change).send().await.expect(200);
    assert_eq!((changed.version(), &changed.json["ends_at"], &changed.json["priority"]), (2, &Value::Null, &json!(20)));
    assert_eq!((&changed.json["starts_at"], &changed.json["metadata"]), (&created.json["starts_at"], &json!({ "season": "s" })));
    assert_eq!(fixture.client.patch(&path).if_match(1).json(&change).send().await.expect(412).code(), "stale_version");
    let events = fixture.events(&created.id()).await;
    assert_eq!(events, [("price_list.created".to_owned(), 1), ("price_list.updated".to_owned(), 2)]);
}

#[tokio::test]
async fn invalid_lists_are_refused_by_field() {
    let fixture = fixture().await;
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
        let answer = fixture.client.post("/v1/pricing/price-lists").json(&input).send().await.expect(status);
        assert_eq!(answer.json["errors"][0]["pointer"], pointer, "{}", answer.text);
    }
    let unknown = with("channel_id", json!(fixture.id::<ChannelId>()));
    let unknown = fixture.client.post("/v1/pricing/price-lists").json(&unknown).send().await.expect(404);
    assert_eq!(unknown.json["errors"][0]["pointer"], "/channel_id");
    fixture.create("price-lists", good.clone()).await;
    let taken = fixture.client.post("/v1/pricing/price-lists").json(&good).send().await.expect(409);
    assert_eq!((taken.code(), &taken.json["errors"][0]["pointer"]), ("code_taken", &json!("/code")));
    let _ = fixture.client.post("/v1/pricing/price-lists").raw("application/json", "{").send().await.expect(400);
    let _ = fixture.client.post("/v1/pricing/price-lists").raw("text/plain", "{}").send().await.expect(415);
}

#[tokio::test]
async fn the_base_list_is_created_on_demand_and_stays_active() {
    let fixture = fixture().await;
    fixture.set_price(None, fixture.id(), 1, 100).await;
    fixture.set_price(None, fixture.id(), 1, 200).await;
    let lists = fixture.client.get("/v1/pricing/price-lists?currency=EUR").send().await.expect(200).json["data"].clone();
    assert_eq!(lists.as_array().unwrap().len(), 1);
    assert_eq!((&lists[0]["code"], &lists[0]["is_base"], &lists[0]["gross"]), (&json!("base-eur"), &json!(true), &json!(true)));
    let path = format!("/v1/pricing/price-lists/{}", text(&lists[0]["id"]));
    for change in [json!({ "status": "archived" }), json!({ "ends_at": "2030-01-01T00:00:00Z" })] {
        let refused = fixture.client.patch(&path).if_match(1).json(&change).send().await.expect(422);
        assert_eq!(refused.code(), "base_list_fixed");
    }
    let _ = fixture.client.patch(&path).if_match(1).json(&json!({ "gross": false, "priority": -5 })).send().await.expect(200);
}

#[tokio::test]
async fn lists_are_paged_filtered_and_separate_per_tenant() {
    let fixture = fixture().await;
    let mut ids = Vec::new();
    for number in 0..5 {
        let status = if number % 2 == 0 { "active" } else { "draft" };
        ids.push(fixture.price_list(&format!("l{number}"), json!({ "status": status })).await);
        fixture.env.clock.advance(TimeDelta::milliseconds(1));
    }
    let first = fixture.client.get("/v1/pricing/price-lists?limit=2&status=active").send().await.expect(200).json;
    let next = text(&first["page"]["next"]);
    let second =
        fixture.client.get(&format!("/v1/pricing/price-lists?limit=2&status=active&cursor={next}")).send().await.expect(200).json;
    let seen: Vec<String> =
        [&first, &second].iter().flat_map(|page| page["data"].as_array().unwrap()).map(|list| text(&list["id"])).collect();
    assert_eq!(seen, [ids[0].clone(), ids[2].clone(), ids[4].clone()]);
    assert_eq!(second["page"]["next"], Value::Null);
    let tampered =
        fixture.client.get(&format!("/v1/pricing/price-lists?limit=2&status=draft&cursor={next}")).send().await.expect(400);
    assert_eq!(tampered.code(), "cursor_invalid");
    let _ = fixture.client.get("/v1/pricing/price-lists?limit=0").send().await.expect(400);
    let _ = fixture.client.get("/v1/pricing/price-lists?colour=red").send().await.expect(400);

    let path = format!("/v1/pricing/price-lists/{}", ids[0]);
    let unknown: PriceListId = fixture.id();
    let unknown = fixture.client.get(&format!("/v1/pricing/price-lists/{unknown}")).send().await.expect(404);
    let foreign = fixture.client.get(&path).tenant(fixture.env.other_tenant).send().await.expect(404);
    assert_eq!((unknown.code(), &unknown.json["detail"]), (foreign.code(), &foreign.json["detail"]));
    let change = json!({ "name": "Mine" });
    let _ = fixture.client.patch(&path).tenant(fixture.env.other_tenant).if_match(1).json(&change).send().await.expect(404);
    let theirs = fixture.client.get("/v1/pricing/price-lists").tenant(fixture.env.other_tenant).send().await.expect(200);
    assert_eq!(theirs.json["data"], json!([]));
    let _ = fixture.client.get(&path).publishable(&["pricing:quote"]).send().await.expect(403);
    let _ = fixture.client.get(&path).anonymous().send().await.expect(401);
}

#[tokio::test]
async fn a_dated_list_is_published_at_its_start_and_end() {
    let fixture = fixture().await;
    let shop = fixture.channel("shop", true, "DE", json!({})).await;
    let variant: VariantId = fixture.id();
    fixture.set_price(None, variant, 1, 100).await;
    let start = fixture.env.clock.time() + TimeDelta::hours(1);
    let dates = json!({ "priority": 1, "starts_at": start, "ends_at": start + TimeDelta::hours(1) });
    let sale = fixture.price_list("sale", dates).await;
    fixture.set_price(Some(&sale), variant, 1, 80).await;
    fixture.drain().await;
    assert_eq!(fixture.published_in(variant, shop).await, Some(100));

    fixture.env.clock.advance(TimeDelta::hours(1));
    fixture.drain().await;
    assert_eq!(fixture.published_in(variant, shop).await, Some(80));
    // The list is prolonged; nothing is published at its former end.
    let later = json!({ "ends_at": start + TimeDelta::hours(3) });
    fixture.update(&format!("price-lists/{sale}"), later).await;
    fixture.env.clock.advance(TimeDelta::hours(1));
    fixture.drain().await;
    assert_eq!(fixture.published_in(variant, shop).await, Some(80));
    fixture.env.clock.advance(TimeDelta::hours(2));
    fixture.drain().await;
    assert_eq!(fixture.published(variant).await.unwrap(), (3, vec![(shop, Some(100))]));
    assert_eq!(fixture.breaches().await, Vec::<String>::new());
}

#[tokio::test]
async fn bodies_events_and_problems_of_a_price_list() {
    let fixture = fixture().await;
    let shop = fixture.channel("shop", true, "DE", json!({})).await;
    let input = json!({ "code": "summer", "name": "Summer", "currency": "EUR", "gross": true, "tax_country": "DE",
        "channel_id": shop, "starts_at": "2026-06-01T00:00:00Z", "ends_at": "2026-09-01T00:00:00Z", "priority": 10,
        "status": "active", "metadata": { "erp": "7" } });
    let created = fixture.create("price-lists", input.clone()).await;
    let path = format!("price-lists/{}", text(&created["id"]));
    fixture.env.clock.advance(TimeDelta::hours(1));
    let updated = fixture.update(&path, json!({ "channel_id": null, "ends_at": null, "metadata": { "erp": null } })).await;
    let taken = fixture.client.post("/v1/pricing/price-lists").json(&input).send().await.expect(409).json;
    let backwards = json!({ "ends_at": "2026-05-01T00:00:00Z" });
    let backwards =
        fixture.client.patch(&format!("/v1/pricing/{path}")).if_match(2).json(&backwards).send().await.expect(422).json;
    assert_json_snapshot!(with_stable_ids(json!({
        "created": created, "updated": updated, "events": fixture.event_documents(&text(&created["id"])).await,
        "page": fixture.client.get("/v1/pricing/price-lists").send().await.expect(200).json,
        "taken": taken, "backwards": backwards,
    })));
}

#[test]
fn inputs_agree_with_their_schemas() {
    let update = json!({ "code": "summer", "name": "Summer", "gross": true, "channel_id": "chan_01ke6p4ym1e009xjaawpn23581",
        "tax_country": "IN", "starts_at": "2026-06-01T00:00:00Z", "ends_at": "2026-09-01T00:00:00Z", "priority": -5,
        "status": "active", "metadata": { "erp_id": "4711" } });
    let mut create = update.clone();
    create["currency"] = json!("INR");
    assert_schema_agrees::<PriceListCreate>([create]);
    assert_schema_agrees::<PriceListUpdate>([update]);
}
