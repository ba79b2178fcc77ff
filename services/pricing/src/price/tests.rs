//! Prices through REST.

use bloom_kernel::{PriceListId, VariantId};
use bloom_testkit::assert_schema_agrees;
use chrono::TimeDelta;
use insta::assert_json_snapshot;
use serde_json::{Value, json};

use super::model::{PriceCreate, PriceUpdate};
use super::set::PricesSet;
use crate::tests::{fixture, text, with_stable_ids};

fn row(list: Option<&str>, variant: VariantId, from: i64, amount: i64, currency: &str) -> Value {
    json!({ "price_list_id": list, "variant_id": variant, "min_quantity": from, "price": { "amount": amount, "currency": currency } })
}

#[tokio::test]
async fn create_get_update_and_delete_a_price() {
    let fixture = fixture().await;
    let list = fixture.price_list("a", json!({})).await;
    let variant: VariantId = fixture.id();
    let shop = fixture.channel("shop", true, "DE", json!({})).await;
    let created =
        fixture.client.post("/v1/pricing/prices").json(&row(Some(&list), variant, 1, 2_499, "EUR")).send().await.expect(201);
    assert_eq!(created.json["price"], json!({ "amount": 2_499, "currency": "EUR" }));
    assert_eq!(fixture.published_in(variant, shop).await, Some(2_499));
    let exists =
        fixture.client.post("/v1/pricing/prices").json(&row(Some(&list), variant, 1, 999, "EUR")).send().await.expect(409);
    assert_eq!(exists.code(), "price_exists");
    assert_eq!(fixture.published_in(variant, shop).await, Some(2_499), "a refusal leaves nothing");

    let path = format!("/v1/pricing/prices/{}", created.id());
    let change = json!({ "price": { "amount": 1_999, "currency": "EUR" } });
    let _ = fixture.client.patch(&path).json(&change).send().await.expect(428);
    let _ = fixture.client.patch(&path).if_match(7).json(&change).send().await.expect(412);
    let changed = fixture.client.patch(&path).if_match(1).json(&change).send().await.expect(200);
    assert_eq!(changed.version(), 2);
    assert_eq!(fixture.client.get(&path).send().await.expect(200).json, changed.json);
    let other = json!({ "price": { "amount": 1_999, "currency": "USD" } });
    let refused = fixture.client.patch(&path).if_match(2).json(&other).send().await.expect(422);
    assert_eq!((refused.code(), &refused.json["errors"][0]["pointer"]), ("currency_mismatch", &json!("/price/currency")));
    assert_eq!(fixture.published_in(variant, shop).await, Some(1_999));

    let cleared = fixture.client.patch(&path).if_match(2).json(&json!({ "price": null })).send().await.expect(400);
    assert_eq!(cleared.json["errors"][0]["code"], "required");

    let _ = fixture.client.delete(&path).send().await.expect(428);
    let _ = fixture.client.delete(&path).if_match(2).send().await.expect(204);
    let _ = fixture.client.delete(&path).if_match(2).send().await.expect(404);
    assert_eq!(fixture.published(variant).await.unwrap(), (3, vec![(shop, None)]));
    let kinds: Vec<String> = fixture.events(&created.id()).await.into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, ["price.created", "price.updated", "price.deleted"]);
}

#[tokio::test]
async fn many_prices_are_set_together_or_not_at_all() {
    let fixture = fixture().await;
    let list = fixture.price_list("a", json!({})).await;
    let variants: Vec<VariantId> = (0..400).map(|_| fixture.id()).collect();
    let mut rows: Vec<Value> = variants.iter().map(|variant| row(Some(&list), *variant, 1, 1_000, "EUR")).collect();
    rows.extend(variants.iter().map(|variant| row(None, *variant, 10, 900, "JPY")));
    let set = |rows: Vec<Value>| fixture.client.post("/v1/pricing/prices/bulk").json(&json!({ "prices": rows })).send();
    assert_eq!(set(rows.clone()).await.expect(200).json["changed"], 800);
    assert_eq!(set(rows.clone()).await.expect(200).json["changed"], 0, "setting the same again changes nothing");
    rows[3] = row(Some(&list), variants[3], 1, 1_001, "EUR");
    assert_eq!(set(rows.clone()).await.expect(200).json["changed"], 1);

    rows[0] = row(Some(&list), variants[0], 1, 5, "EUR");
    rows[5] = row(Some(&list), variants[5], 1, 1_000, "JPY");
    let mixed = set(rows.clone()).await.expect(422);
    assert_eq!((mixed.code(), &mixed.json["errors"][0]["pointer"]), ("currency_mismatch", &json!("/prices/5/price/currency")));
    let foreign: PriceListId = fixture.id();
    rows[5] = row(Some(&foreign.to_string()), variants[5], 1, 1_000, "EUR");
    assert_eq!(set(rows.clone()).await.expect(404).json["errors"][0]["pointer"], "/prices/5/price_list_id");
    rows[5] = rows[6].clone();
    assert_eq!(set(rows.clone()).await.expect(400).json["errors"][0]["code"], "duplicate");
    for (amount, from) in [(-1, 1), (1_000_000_000_001, 1), (1, 0), (1, 1_000_001)] {
        let _ = set(vec![row(None, variants[0], from, amount, "EUR")]).await.expect(400);
    }
    let _ = set(vec![]).await.expect(400);
    let _ = set((0..1_001).map(|_| row(None, fixture.id(), 1, 1, "EUR")).collect()).await.expect(400);
    let page = format!("/v1/pricing/prices?price_list_id={list}&variant_id={}", variants[0]);
    let page = fixture.client.get(&page).send().await.expect(200).json;
    assert_eq!(page["data"][0]["price"]["amount"], 1_000, "what was refused left nothing");
    assert_eq!(page["data"].as_array().unwrap().len(), 1);
    assert_eq!(fixture.breaches().await, Vec::<String>::new());
}

#[tokio::test]
async fn prices_are_paged_in_order_and_separate_per_tenant() {
    let fixture = fixture().await;
    let list = fixture.price_list("a", json!({})).await;
    let mut variants: Vec<VariantId> = (0..3).map(|_| fixture.id()).collect();
    variants.sort_unstable();
    for variant in &variants {
        for (from, amount) in [(10, 80), (1, 100)] {
            fixture.set_price(Some(&list), *variant, from, amount).await;
        }
    }
    let mut seen = Vec::new();
    let mut path = format!("/v1/pricing/prices?price_list_id={list}&limit=4");
    loop {
        let page = fixture.client.get(&path).send().await.expect(200).json;
        seen.extend(
            page["data"].as_array().unwrap().iter().map(|price| (text(&price["variant_id"]), price["min_quantity"].clone())),
        );
        let Some(next) = page["page"]["next"].as_str() else { break };
        path = format!("/v1/pricing/prices?price_list_id={list}&limit=4&cursor={next}");
    }
    let expected: Vec<_> = variants.iter().flat_map(|variant| [1, 10].map(|from| (variant.to_string(), json!(from)))).collect();
    assert_eq!(seen, expected);

    let of_variant = format!("/v1/pricing/prices?variant_id={}", variants[0]);
    let mine = fixture.client.get(&of_variant).send().await.expect(200).json["data"].clone();
    assert_eq!(mine.as_array().unwrap().len(), 2);
    let other_tenant = fixture.env.other_tenant;
    assert_eq!(fixture.client.get(&of_variant).tenant(other_tenant).send().await.expect(200).json["data"], json!([]));
    let path = format!("/v1/pricing/prices/{}", text(&mine[0]["id"]));
    let _ = fixture.client.get(&path).tenant(other_tenant).send().await.expect(404);
    let _ = fixture.client.delete(&path).tenant(other_tenant).if_match(1).send().await.expect(404);
    let into = row(Some(&list), variants[0], 1, 5, "EUR");
    let _ = fixture.client.post("/v1/pricing/prices").tenant(other_tenant).json(&into).send().await.expect(404);
    let quote = json!({ "currency": "EUR", "gross": true, "ship_to": { "country": "DE" },
        "lines": [{ "variant_id": variants[0], "quantity": 1 }] });
    let theirs = fixture.client.post("/v1/pricing/quotes").tenant(other_tenant).json(&quote).send().await.expect(200).json;
    assert_eq!(theirs["lines"][0]["amounts"], Value::Null);
    assert_eq!((&theirs["lines"][0]["lost"], &theirs["lines"][0]["unpriced"]), (&json!([]), &json!("no_price")));
}

#[tokio::test]
async fn bodies_events_and_problems_of_a_price() {
    let fixture = fixture().await;
    let list = fixture.price_list("a", json!({})).await;
    fixture.channel("shop", true, "DE", json!({})).await;
    let variant: VariantId = fixture.id();
    let created = fixture.create("prices", row(Some(&list), variant, 1, 2_499, "EUR")).await;
    let path = format!("prices/{}", text(&created["id"]));
    fixture.env.clock.advance(TimeDelta::hours(1));
    let updated = fixture.update(&path, json!({ "price": { "amount": 1_999, "currency": "EUR" } })).await;
    let page = fixture.client.get("/v1/pricing/prices").send().await.expect(200).json;
    let post = |input: Value| fixture.client.post("/v1/pricing/prices").json(&input).send();
    let exists = post(row(Some(&list), variant, 1, 1, "EUR")).await.expect(409).json;
    let mismatch = post(row(Some(&list), variant, 2, 1, "USD")).await.expect(422).json;
    let _ = fixture.client.delete(&format!("/v1/pricing/{path}")).if_match(2).send().await.expect(204);
    assert_json_snapshot!(with_stable_ids(json!({
        "created": created, "updated": updated, "page": page, "exists": exists, "mismatch": mismatch,
        "events": fixture.event_documents(&text(&created["id"])).await,
        "published": fixture.event_documents(&variant.to_string()).await,
    })));
}

#[test]
fn inputs_agree_with_their_schemas() {
    let create = json!({ "price_list_id": "plst_01ke6p4ym1e009xjaawpn23581", "variant_id": "var_01ke6p4ym1e009xjaawpn23581",
        "min_quantity": 10, "price": { "amount": 249_900, "currency": "INR" } });
    assert_schema_agrees::<PriceCreate>([create.clone()]);
    assert_schema_agrees::<PricesSet>([json!({ "prices": [create] })]);
    assert_schema_agrees::<PriceUpdate>([json!({ "price": { "amount": 0, "currency": "INR" } })]);
}
