//! References to what others own: what no event has told of yet, its owner is asked for.

use bloom_kernel::{ChannelId, LocationId, ProductId, TaxClassId};
use bloom_testkit::Answer;
use serde_json::{Value, json};

use super::{Stage, alone, shop, stage, text, variant_of};

impl Stage {
    fn channel_at(code: &str, locations: &[LocationId]) -> Value {
        json!({ "code": code, "name": code, "currency": "INR", "price_basis": "gross", "country": "IN", "location_ids": locations })
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.books.ledger.lock().unwrap().asked)
    }

    async fn count(&self, path: &str) -> usize {
        let list = self.door.get(&format!("/v1/catalog/{path}")).send().await.expect(200);
        list.json["data"].as_array().unwrap().len()
    }
}

fn pointer(answer: &Answer) -> String {
    text(&answer.json["errors"][0]["pointer"])
}

#[tokio::test]
async fn a_location_that_no_event_has_told_of_is_asked_for() {
    let stage = stage().await;
    let heard = stage.location("BLR-1", 1).await;
    let (owned, foreign, nobodys): (LocationId, LocationId, LocationId) = (stage.id(), stage.id(), stage.id());
    stage.books.own(stage.bench.tenant, &owned);
    stage.books.own(stage.bench.other_tenant, &foreign);
    let post = |locations: &[LocationId]| stage.door.post("/v1/catalog/channels").json(&Stage::channel_at("web", locations));
    for unknown in [foreign, nobodys] {
        let refused = post(&[heard, owned, unknown]).send().await.expect(404);
        assert_eq!((refused.code(), pointer(&refused)), ("not_found", "/location_ids/2".to_owned()));
        assert_eq!(stage.asked(), [owned.to_string(), unknown.to_string()], "what was heard of is not asked for");
    }
    assert_eq!(stage.count("channels").await, 0);
    let web: ChannelId = post(&[owned, heard]).send().await.expect(201).id().parse().unwrap();
    let path = format!("channels/{web}");
    let _ = stage.patch(&path, json!({ "location_ids": [owned] })).await.expect(200);
    assert_eq!(pointer(&stage.patch(&path, json!({ "location_ids": [nobodys] })).await.expect(404)), "/location_ids/0");
    let _ = stage.asked();
    let _ = stage.patch(&path, json!({ "location_ids": [heard] })).await.expect(200);
    assert_eq!(stage.asked(), Vec::<String>::new());
    // More than a channel has are refused by their number; nobody is asked for thousands.
    let many: Vec<LocationId> = (0..101).map(|_| stage.id()).collect();
    assert_eq!(pointer(&stage.patch(&path, json!({ "location_ids": many })).await.expect(400)), "/location_ids");
    assert_eq!(stage.asked(), Vec::<String>::new());
}

#[tokio::test]
async fn a_location_named_before_it_is_heard_of_serves_once_it_is() {
    let (stage, web) = shop().await;
    let (blr, del): (LocationId, LocationId) = (stage.id(), stage.location("DEL-1", 1).await);
    stage.books.own(stage.bench.tenant, &blr);
    let variant = variant_of(&stage.product("T", "S", json!({})).await);
    let _ = stage.patch(&format!("channels/{web}"), json!({ "location_ids": [blr, del] })).await.expect(200);
    let inventory = || async { stage.list("").await["data"][0]["inventory"].clone() };
    stage.stock(variant, 1, &[(del, "DEL-1", 2)]).await;
    assert_eq!(inventory().await, json!({ "available": 2, "warehouse": "DEL-1" }));
    // Its stock is told before it is itself, which is off duty by then.
    stage.stock(variant, 2, &[(blr, "BLR-1", 3), (del, "DEL-1", 2)]).await;
    assert_eq!(inventory().await, json!({ "available": 5, "warehouse": "BLR-1" }));
    stage.relocate(blr, "BLR-1", 1, false, 2).await;
    assert_eq!(inventory().await, json!({ "available": 2, "warehouse": "DEL-1" }));
    stage.relocate(blr, "BLR-9", 1, true, 3).await;
    assert_eq!(inventory().await, json!({ "available": 5, "warehouse": "BLR-9" }));
    stage.sound().await;
}

#[tokio::test]
async fn a_tax_class_that_no_event_has_told_of_is_asked_for() {
    let (stage, _) = shop().await;
    let (heard, owned, foreign): (TaxClassId, TaxClassId, TaxClassId) = (stage.id(), stage.id(), stage.id());
    stage.tax_class(heard).await;
    stage.books.own(stage.bench.tenant, &owned);
    stage.books.own(stage.bench.other_tenant, &foreign);
    let variant = |sku: &str, class| json!({ "sku": sku, "options": { "Size": sku }, "tax_class_id": class });
    let shirt = |classes: [TaxClassId; 3]| {
        let variants: Vec<Value> = ["S", "M", "L"].into_iter().zip(classes).map(|(sku, class)| variant(sku, class)).collect();
        json!({ "title": "Shirt", "status": "active", "options": [{ "name": "Size", "values": ["S", "M", "L", "XL"] }],
            "variants": variants })
    };
    let nobodys: TaxClassId = stage.id();
    for unknown in [foreign, nobodys] {
        let ask = stage.door.post("/v1/catalog/products").json(&shirt([owned, heard, unknown]));
        assert_eq!(pointer(&ask.send().await.expect(404)), "/variants/2/tax_class_id");
        let mut asked = vec![owned.to_string(), unknown.to_string()];
        asked.sort_unstable();
        let mut were_asked = stage.asked();
        were_asked.sort_unstable();
        assert_eq!(were_asked, asked, "what was heard of is not asked for");
    }
    assert_eq!(stage.count("products").await, 0);
    let product = stage.made("products", shirt([owned, owned, heard])).await;
    assert_eq!(stage.asked(), [owned.to_string()], "once, however often it is named");
    let id: ProductId = text(&product["id"]).parse().unwrap();
    let path = format!("/v1/catalog/products/{id}/variants");
    let add = |class: TaxClassId| stage.door.post(&path).if_match(1).json(&variant("XL", class));
    assert_eq!(pointer(&add(foreign).send().await.expect(404)), "/tax_class_id");
    let _ = add(owned).send().await.expect(201);
    let path = format!("{path}/{}", text(&product["variants"][2]["id"]));
    let set = |class: TaxClassId| stage.door.patch(&path).if_match(2).json(&json!({ "tax_class_id": class }));
    assert_eq!(pointer(&set(foreign).send().await.expect(404)), "/tax_class_id");
    assert_eq!(set(owned).send().await.expect(200).json["tax_class_id"], json!(owned));
}

#[tokio::test]
async fn while_the_owner_is_away_only_what_was_heard_of_can_be_named() {
    let stage = alone().await;
    let heard = stage.location("BLR-1", 1).await;
    let (owned, class): (LocationId, TaxClassId) = (stage.id(), stage.id());
    stage.books.own(stage.bench.tenant, &owned);
    stage.books.own(stage.bench.tenant, &class);
    let post = |key: &str, path: &str, body: &Value| stage.door.post(&format!("/v1/catalog/{path}")).key(key).json(body).send();
    let _ = post("heard", "channels", &Stage::channel_at("heard", &[heard])).await.expect(201);
    let channel = Stage::channel_at("owned", &[heard, owned]);
    let product = json!({ "title": "T", "variants": [{ "sku": "S", "tax_class_id": class }] });
    for (path, body) in [("channels", &channel), ("products", &product)] {
        let away = post(path, path, body).await.expect(503);
        assert_eq!((away.code(), away.header("retry-after")), ("unavailable", "1"));
    }
    assert_eq!((stage.count("channels").await, stage.count("products").await), (1, 0));
    // It is back: the same request, under the same key, goes through.
    stage.books.open();
    for (path, body) in [("channels", &channel), ("products", &product)] {
        let made = post(path, path, body).await.expect(201);
        assert_eq!(made.header("idempotent-replayed"), "");
    }
}
