//! References to objects of other services: the owner is queried about those that the replica lacks.

use bloom_kernel::{ChannelId, LocationId, ProductId, TaxClassId};
use bloom_testkit::Answer;
use serde_json::{Value, json};

use super::{Fixture, empty, shop, text, variant_of, without_owners};

impl Fixture {
    fn channel_at(code: &str, locations: &[LocationId]) -> Value {
        json!({ "code": code, "name": code, "currency": "INR", "price_basis": "gross", "country": "IN", "location_ids": locations })
    }

    fn lookups(&self) -> Vec<String> {
        std::mem::take(&mut self.owners.state.lock().unwrap().lookups)
    }

    async fn count(&self, path: &str) -> usize {
        let list = self.client.get(&format!("/v1/catalog/{path}")).send().await.expect(200);
        list.json["data"].as_array().unwrap().len()
    }
}

fn pointer(answer: &Answer) -> String {
    text(&answer.json["errors"][0]["pointer"])
}

#[tokio::test]
async fn an_unknown_location_is_looked_up_at_inventory() {
    let fixture = empty().await;
    let in_replica = fixture.location("BLR-1", 1).await;
    let (owned, foreign, unknown_id): (LocationId, LocationId, LocationId) = (fixture.id(), fixture.id(), fixture.id());
    fixture.owners.add(fixture.env.tenant, &owned);
    fixture.owners.add(fixture.env.other_tenant, &foreign);
    let post =
        |locations: &[LocationId]| fixture.client.post("/v1/catalog/channels").json(&Fixture::channel_at("web", locations));
    for unknown in [foreign, unknown_id] {
        let refused = post(&[in_replica, owned, unknown]).send().await.expect(404);
        assert_eq!((refused.code(), pointer(&refused)), ("not_found", "/location_ids/2".to_owned()));
        assert_eq!(fixture.lookups(), [owned.to_string(), unknown.to_string()], "objects in the replica are not looked up");
    }
    assert_eq!(fixture.count("channels").await, 0);
    let web: ChannelId = post(&[owned, in_replica]).send().await.expect(201).id().parse().unwrap();
    let path = format!("channels/{web}");
    let _ = fixture.patch(&path, json!({ "location_ids": [owned] })).await.expect(200);
    assert_eq!(pointer(&fixture.patch(&path, json!({ "location_ids": [unknown_id] })).await.expect(404)), "/location_ids/0");
    let _ = fixture.lookups();
    let _ = fixture.patch(&path, json!({ "location_ids": [in_replica] })).await.expect(200);
    assert_eq!(fixture.lookups(), Vec::<String>::new());
    // A list longer than a channel allows is refused for its length, without a request.
    let many: Vec<LocationId> = (0..101).map(|_| fixture.id()).collect();
    assert_eq!(pointer(&fixture.patch(&path, json!({ "location_ids": many })).await.expect(400)), "/location_ids");
    assert_eq!(fixture.lookups(), Vec::<String>::new());
}

#[tokio::test]
async fn a_location_serves_a_channel_once_its_events_arrive() {
    let (fixture, web) = shop().await;
    let (blr, del): (LocationId, LocationId) = (fixture.id(), fixture.location("DEL-1", 1).await);
    fixture.owners.add(fixture.env.tenant, &blr);
    let variant = variant_of(&fixture.product("T", "S", json!({})).await);
    let _ = fixture.patch(&format!("channels/{web}"), json!({ "location_ids": [blr, del] })).await.expect(200);
    let inventory = || async { fixture.list("").await["data"][0]["inventory"].clone() };
    fixture.stock(variant, 1, &[(del, "DEL-1", 2)]).await;
    assert_eq!(inventory().await, json!({ "available": 2, "warehouse": "DEL-1" }));
    // Its stock event arrives before its own event, which says that it is inactive.
    fixture.stock(variant, 2, &[(blr, "BLR-1", 3), (del, "DEL-1", 2)]).await;
    assert_eq!(inventory().await, json!({ "available": 5, "warehouse": "BLR-1" }));
    fixture.location_event(blr, "BLR-1", 1, false, 2).await;
    assert_eq!(inventory().await, json!({ "available": 2, "warehouse": "DEL-1" }));
    fixture.location_event(blr, "BLR-9", 1, true, 3).await;
    assert_eq!(inventory().await, json!({ "available": 5, "warehouse": "BLR-9" }));
    fixture.assert_invariants().await;
}

#[tokio::test]
async fn an_unknown_tax_class_is_looked_up_at_pricing() {
    let (fixture, _) = shop().await;
    let (in_replica, owned, foreign): (TaxClassId, TaxClassId, TaxClassId) = (fixture.id(), fixture.id(), fixture.id());
    fixture.tax_class(in_replica).await;
    fixture.owners.add(fixture.env.tenant, &owned);
    fixture.owners.add(fixture.env.other_tenant, &foreign);
    let variant = |sku: &str, class| json!({ "sku": sku, "options": { "Size": sku }, "tax_class_id": class });
    let shirt = |classes: [TaxClassId; 3]| {
        let variants: Vec<Value> = ["S", "M", "L"].into_iter().zip(classes).map(|(sku, class)| variant(sku, class)).collect();
        json!({ "title": "Shirt", "status": "active", "options": [{ "name": "Size", "values": ["S", "M", "L", "XL"] }],
            "variants": variants })
    };
    let unknown_id: TaxClassId = fixture.id();
    for unknown in [foreign, unknown_id] {
        let request = fixture.client.post("/v1/catalog/products").json(&shirt([owned, in_replica, unknown]));
        assert_eq!(pointer(&request.send().await.expect(404)), "/variants/2/tax_class_id");
        let mut expected = vec![owned.to_string(), unknown.to_string()];
        expected.sort_unstable();
        let mut found = fixture.lookups();
        found.sort_unstable();
        assert_eq!(found, expected, "objects in the replica are not looked up");
    }
    assert_eq!(fixture.count("products").await, 0);
    let product = fixture.create("products", shirt([owned, owned, in_replica])).await;
    assert_eq!(fixture.lookups(), [owned.to_string()], "once, however often it is named");
    let id: ProductId = text(&product["id"]).parse().unwrap();
    let path = format!("/v1/catalog/products/{id}/variants");
    let add = |class: TaxClassId| fixture.client.post(&path).if_match(1).json(&variant("XL", class));
    assert_eq!(pointer(&add(foreign).send().await.expect(404)), "/tax_class_id");
    let _ = add(owned).send().await.expect(201);
    let path = format!("{path}/{}", text(&product["variants"][2]["id"]));
    let set = |class: TaxClassId| fixture.client.patch(&path).if_match(2).json(&json!({ "tax_class_id": class }));
    assert_eq!(pointer(&set(foreign).send().await.expect(404)), "/tax_class_id");
    assert_eq!(set(owned).send().await.expect(200).json["tax_class_id"], json!(owned));
}

#[tokio::test]
async fn while_an_owner_is_down_only_replicas_are_accepted() {
    let fixture = without_owners().await;
    let in_replica = fixture.location("BLR-1", 1).await;
    let (owned, class): (LocationId, TaxClassId) = (fixture.id(), fixture.id());
    fixture.owners.add(fixture.env.tenant, &owned);
    fixture.owners.add(fixture.env.tenant, &class);
    let post =
        |key: &str, path: &str, body: &Value| fixture.client.post(&format!("/v1/catalog/{path}")).key(key).json(body).send();
    let _ = post("known", "channels", &Fixture::channel_at("known", &[in_replica])).await.expect(201);
    let channel = Fixture::channel_at("owned", &[in_replica, owned]);
    let product = json!({ "title": "T", "variants": [{ "sku": "S", "tax_class_id": class }] });
    for (path, body) in [("channels", &channel), ("products", &product)] {
        let refused = post(path, path, body).await.expect(503);
        assert_eq!((refused.code(), refused.header("retry-after")), ("unavailable", "1"));
    }
    assert_eq!((fixture.count("channels").await, fixture.count("products").await), (1, 0));
    // The same request succeeds once the owner is available again.
    fixture.owners.open();
    for (path, body) in [("channels", &channel), ("products", &product)] {
        let made = post(path, path, body).await.expect(201);
        assert_eq!(made.header("idempotent-replayed"), "");
    }
}

#[tokio::test]
async fn a_retry_is_answered_while_an_owner_is_down() {
    let (fixture, web) = shop().await;
    let (location, class): (LocationId, TaxClassId) = (fixture.id(), fixture.id());
    fixture.owners.add(fixture.env.tenant, &location);
    fixture.owners.add(fixture.env.tenant, &class);
    let product = json!({ "title": "T", "options": [{ "name": "Size", "values": ["S", "L"] }],
        "variants": [{ "sku": "S", "options": { "Size": "S" }, "tax_class_id": class }] });
    let product = fixture.create("products", product).await;
    let path = format!("products/{}", text(&product["id"]));
    let variant = format!("{path}/variants/{}", variant_of(&product));
    let send = |nr: usize| {
        let request = |method: &str, path: &str, version: i64, body: Value| {
            let request = fixture.client.ask(method, &format!("/v1/catalog/{path}")).key(&format!("k{nr}")).if_match(version);
            request.json(&body)
        };
        let request = match nr {
            0 => request("POST", "channels", 0, Fixture::channel_at("other", &[location])),
            1 => request("PATCH", &format!("channels/{web}"), 1, json!({ "location_ids": [location] })),
            2 => request("POST", "products", 0, json!({ "title": "U", "variants": [{ "sku": "U", "tax_class_id": class }] })),
            3 => {
                let variant = json!({ "sku": "L", "options": { "Size": "L" }, "tax_class_id": class });
                request("POST", &format!("{path}/variants"), 1, variant)
            }
            _ => request("PATCH", &variant, 2, json!({ "tax_class_id": class })),
        };
        request.send()
    };
    for nr in 0..5 {
        fixture.owners.state.lock().unwrap().failures = 0;
        let first = send(nr).await;
        assert!(matches!(first.status, 200 | 201), "{nr}: {}", first.text);
        fixture.owners.state.lock().unwrap().failures = usize::MAX;
        let again = send(nr).await;
        assert_eq!((again.status, &again.json), (first.status, &first.json), "{nr}");
        assert_eq!(again.header("idempotent-replayed"), "true", "{nr}");
    }
}
