//! Channels and what follows from their locations.

use serde_json::{Value, json};

use super::{shop, text, variant_of};

#[tokio::test]
async fn there_is_one_default_channel() {
    let (stage, web) = shop().await;
    let shop = stage.channel("shop", json!({ "currency": "EUR" })).await;
    let path = |id: bloom_kernel::ChannelId| format!("channels/{id}");
    let kept = stage.patch(&path(web), json!({ "is_default": false })).await.expect(422);
    assert_eq!(kept.code(), "default_channel_required");
    assert_eq!(stage.patch(&path(web), json!({ "active": false })).await.expect(400).json["errors"][0]["pointer"], "/active");
    let _ = stage.patch(&path(shop), json!({ "is_default": true })).await.expect(200);
    let list = stage.door.get("/v1/catalog/channels").send().await.expect(200).json;
    let defaults: Vec<(&Value, &Value)> =
        list["data"].as_array().unwrap().iter().map(|channel| (&channel["is_default"], &channel["version"])).collect();
    assert_eq!(defaults, [(&json!(false), &json!(2)), (&json!(true), &json!(2))]);
    assert_eq!(stage.events(&web.to_string()).await.len(), 2, "the one that lost the role is told of too");
    let _ = stage.patch(&path(web), json!({ "active": false })).await.expect(200);
    let gone = stage.door.get("/v1/catalog/products").channel(web).send().await.expect(404);
    assert_eq!(gone.code(), "not_found");
    let twin = json!({ "code": "shop", "name": "X", "currency": "INR", "price_basis": "net", "country": "IN" });
    assert_eq!(stage.door.post("/v1/catalog/channels").json(&twin).send().await.expect(409).code(), "code_taken");
    for (field, value) in
        [("currency", json!("XXX")), ("country", json!("ZZ")), ("price_basis", json!("free")), ("code", json!("A b"))]
    {
        let mut bad = twin.clone();
        bad["code"] = json!("other");
        bad[field] = value;
        let refused = stage.door.post("/v1/catalog/channels").json(&bad).send().await.expect(400);
        assert_eq!(refused.json["errors"][0]["pointer"], format!("/{field}"));
    }
}

#[tokio::test]
async fn the_warehouse_is_the_first_location_with_stock() {
    let (stage, web) = shop().await;
    let (blr, del) = (stage.location("BLR-1", 1).await, stage.location("DEL-1", 2).await);
    let product = stage.product("T", "S", json!({})).await;
    let variant = variant_of(&product);
    stage.stock(variant, 1, &[(blr, "BLR-1", 4), (del, "DEL-1", 5)]).await;
    let inventory = || async { stage.list("").await["data"][0]["inventory"].clone() };
    assert_eq!(inventory().await, json!({ "available": 9, "warehouse": "BLR-1" }), "all locations by their own priority");
    let path = format!("channels/{web}");
    let _ = stage.patch(&path, json!({ "location_ids": [del, blr] })).await.expect(200);
    assert_eq!(inventory().await, json!({ "available": 9, "warehouse": "DEL-1" }));
    let _ = stage.patch(&path, json!({ "location_ids": [del] })).await.expect(200);
    assert_eq!(inventory().await, json!({ "available": 5, "warehouse": "DEL-1" }));
    stage.stock(variant, 2, &[(blr, "BLR-1", 4), (del, "DEL-1", 0)]).await;
    assert_eq!(inventory().await, json!({ "available": 0, "warehouse": null }));
    let stranger: bloom_kernel::LocationId = stage.id();
    let unknown = stage.patch(&path, json!({ "location_ids": [del, stranger] })).await.expect(404);
    assert_eq!(unknown.json["errors"][0]["pointer"], "/location_ids/1");
    stage.sound().await;
}

#[tokio::test]
async fn a_new_channel_lists_the_whole_catalogue() {
    let (stage, _) = shop().await;
    let product = stage.product("T", "S", json!({})).await;
    let shop = stage.channel("shop", json!({})).await;
    let ask = |query: &str| stage.door.get(&format!("/v1/catalog/products?{query}")).channel(shop).send();
    assert_eq!(ask("").await.expect(200).json["data"], json!([]));
    assert_eq!(ask("published=false").await.expect(200).json["data"][0]["title"], "T");
    let path = format!("products/{}", text(&product["id"]));
    let _ = stage.patch(&path, json!({ "channel_ids": [shop] })).await.expect(200);
    assert_eq!(ask("").await.expect(200).json["data"][0]["title"], "T");
    assert_eq!(stage.titles("").await, Vec::<String>::new());
    stage.sound().await;
}
