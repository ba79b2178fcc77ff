//! Prices through REST.

use bloom_kernel::{PriceListId, VariantId};
use serde_json::{Value, json};

use super::{stage, text};

fn row(list: Option<&str>, variant: VariantId, from: i64, amount: i64, currency: &str) -> Value {
    json!({ "price_list_id": list, "variant_id": variant, "min_quantity": from, "price": { "amount": amount, "currency": currency } })
}

#[tokio::test]
async fn a_price_is_made_read_changed_removed_and_told() {
    let stage = stage().await;
    let list = stage.list("a", json!({})).await;
    let variant: VariantId = stage.id();
    let shop = stage.channel("shop", true, "DE", json!({})).await;
    let made = stage.door.post("/v1/pricing/prices").json(&row(Some(&list), variant, 1, 2_499, "EUR")).send().await.expect(201);
    assert_eq!(made.json["price"], json!({ "amount": 2_499, "currency": "EUR" }));
    assert_eq!(stage.told_in(variant, shop).await, Some(2_499));
    let exists = stage.door.post("/v1/pricing/prices").json(&row(Some(&list), variant, 1, 999, "EUR")).send().await.expect(409);
    assert_eq!(exists.code(), "price_exists");
    assert_eq!(stage.told_in(variant, shop).await, Some(2_499), "a refusal leaves nothing");

    let path = format!("/v1/pricing/prices/{}", made.id());
    let change = json!({ "price": { "amount": 1_999, "currency": "EUR" } });
    let _ = stage.door.patch(&path).json(&change).send().await.expect(428);
    let _ = stage.door.patch(&path).if_match(7).json(&change).send().await.expect(412);
    let changed = stage.door.patch(&path).if_match(1).json(&change).send().await.expect(200);
    assert_eq!(changed.version(), 2);
    assert_eq!(stage.door.get(&path).send().await.expect(200).json, changed.json);
    let other = json!({ "price": { "amount": 1_999, "currency": "USD" } });
    let refused = stage.door.patch(&path).if_match(2).json(&other).send().await.expect(422);
    assert_eq!((refused.code(), &refused.json["errors"][0]["pointer"]), ("currency_mismatch", &json!("/price/currency")));
    assert_eq!(stage.told_in(variant, shop).await, Some(1_999));

    let _ = stage.door.delete(&path).send().await.expect(428);
    let _ = stage.door.delete(&path).if_match(2).send().await.expect(204);
    let _ = stage.door.delete(&path).if_match(2).send().await.expect(404);
    assert_eq!(stage.told(variant).await.unwrap(), (3, vec![(shop, None)]));
    let kinds: Vec<String> = stage.events(&made.id()).await.into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, ["price.created", "price.updated", "price.deleted"]);
}

#[tokio::test]
async fn many_prices_are_set_together_or_not_at_all() {
    let stage = stage().await;
    let list = stage.list("a", json!({})).await;
    let variants: Vec<VariantId> = (0..400).map(|_| stage.id()).collect();
    let mut rows: Vec<Value> = variants.iter().map(|variant| row(Some(&list), *variant, 1, 1_000, "EUR")).collect();
    rows.extend(variants.iter().map(|variant| row(None, *variant, 10, 900, "JPY")));
    let set = |rows: Vec<Value>| stage.door.post("/v1/pricing/prices/bulk").json(&json!({ "prices": rows })).send();
    assert_eq!(set(rows.clone()).await.expect(200).json["changed"], 800);
    assert_eq!(set(rows.clone()).await.expect(200).json["changed"], 0, "setting the same again changes nothing");
    rows[3] = row(Some(&list), variants[3], 1, 1_001, "EUR");
    assert_eq!(set(rows.clone()).await.expect(200).json["changed"], 1);

    rows[0] = row(Some(&list), variants[0], 1, 5, "EUR");
    rows[5] = row(Some(&list), variants[5], 1, 1_000, "JPY");
    let mixed = set(rows.clone()).await.expect(422);
    assert_eq!((mixed.code(), &mixed.json["errors"][0]["pointer"]), ("currency_mismatch", &json!("/prices/5/price/currency")));
    let foreign: PriceListId = stage.id();
    rows[5] = row(Some(&foreign.to_string()), variants[5], 1, 1_000, "EUR");
    assert_eq!(set(rows.clone()).await.expect(404).json["errors"][0]["pointer"], "/prices/5/price_list_id");
    rows[5] = rows[6].clone();
    assert_eq!(set(rows.clone()).await.expect(400).json["errors"][0]["code"], "duplicate");
    for (amount, from) in [(-1, 1), (1_000_000_000_001, 1), (1, 0), (1, 1_000_001)] {
        let _ = set(vec![row(None, variants[0], from, amount, "EUR")]).await.expect(400);
    }
    let _ = set(vec![]).await.expect(400);
    let _ = set((0..1_001).map(|_| row(None, stage.id(), 1, 1, "EUR")).collect()).await.expect(400);
    let page = format!("/v1/pricing/prices?price_list_id={list}&variant_id={}", variants[0]);
    let page = stage.door.get(&page).send().await.expect(200).json;
    assert_eq!(page["data"][0]["price"]["amount"], 1_000, "what was refused left nothing");
    assert_eq!(page["data"].as_array().unwrap().len(), 1);
    assert_eq!(stage.breaches().await, Vec::<String>::new());
}

#[tokio::test]
async fn prices_are_paged_by_list_variant_and_tier_and_belong_to_their_tenant() {
    let stage = stage().await;
    let list = stage.list("a", json!({})).await;
    let mut variants: Vec<VariantId> = (0..3).map(|_| stage.id()).collect();
    variants.sort_unstable();
    for variant in &variants {
        for (from, amount) in [(10, 80), (1, 100)] {
            stage.price(Some(&list), *variant, from, amount).await;
        }
    }
    let mut seen = Vec::new();
    let mut path = format!("/v1/pricing/prices?price_list_id={list}&limit=4");
    loop {
        let page = stage.door.get(&path).send().await.expect(200).json;
        seen.extend(
            page["data"].as_array().unwrap().iter().map(|price| (text(&price["variant_id"]), price["min_quantity"].clone())),
        );
        let Some(next) = page["page"]["next"].as_str() else { break };
        path = format!("/v1/pricing/prices?price_list_id={list}&limit=4&cursor={next}");
    }
    let expected: Vec<_> = variants.iter().flat_map(|variant| [1, 10].map(|from| (variant.to_string(), json!(from)))).collect();
    assert_eq!(seen, expected);

    let of_variant = format!("/v1/pricing/prices?variant_id={}", variants[0]);
    let mine = stage.door.get(&of_variant).send().await.expect(200).json["data"].clone();
    assert_eq!(mine.as_array().unwrap().len(), 2);
    let stranger = stage.bench.other_tenant;
    assert_eq!(stage.door.get(&of_variant).tenant(stranger).send().await.expect(200).json["data"], json!([]));
    let path = format!("/v1/pricing/prices/{}", text(&mine[0]["id"]));
    let _ = stage.door.get(&path).tenant(stranger).send().await.expect(404);
    let _ = stage.door.delete(&path).tenant(stranger).if_match(1).send().await.expect(404);
    let into = row(Some(&list), variants[0], 1, 5, "EUR");
    let _ = stage.door.post("/v1/pricing/prices").tenant(stranger).json(&into).send().await.expect(404);
    let quote = json!({ "currency": "EUR", "gross": true, "ship_to": { "country": "DE" },
        "lines": [{ "variant_id": variants[0], "quantity": 1 }] });
    let theirs = stage.door.post("/v1/pricing/quotes").tenant(stranger).json(&quote).send().await.expect(200).json;
    assert_eq!(theirs["lines"][0]["amounts"], Value::Null);
    assert_eq!((&theirs["lines"][0]["lost"], &theirs["lines"][0]["unpriced"]), (&json!([]), &json!("no_price")));
}
