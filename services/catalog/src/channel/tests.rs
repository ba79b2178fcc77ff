//! Channels, and the effect of their locations.

use serde_json::{Value, json};

use super::model::{ChannelCreate, ChannelUpdate};
use crate::tests::{shop, text, variant_of};

#[tokio::test]
async fn there_is_one_default_channel() {
    let (fixture, web) = shop().await;
    let shop = fixture.channel("shop", json!({ "currency": "EUR" })).await;
    let path = |id: bloom_kernel::ChannelId| format!("channels/{id}");
    let kept = fixture.patch(&path(web), json!({ "is_default": false })).await.expect(422);
    assert_eq!(kept.code(), "default_channel_required");
    assert_eq!(fixture.patch(&path(web), json!({ "active": false })).await.expect(400).json["errors"][0]["pointer"], "/active");
    let _ = fixture.patch(&path(shop), json!({ "is_default": true })).await.expect(200);
    let list = fixture.client.get("/v1/catalog/channels").send().await.expect(200).json;
    let defaults: Vec<(&Value, &Value)> =
        list["data"].as_array().unwrap().iter().map(|channel| (&channel["is_default"], &channel["version"])).collect();
    assert_eq!(defaults, [(&json!(false), &json!(2)), (&json!(true), &json!(2))]);
    assert_eq!(fixture.events(&web.to_string()).await.len(), 2, "the channel that was the default is published, too");
    let _ = fixture.patch(&path(web), json!({ "active": false })).await.expect(200);
    let gone = fixture.client.get("/v1/catalog/products").channel(web).send().await.expect(404);
    assert_eq!(gone.code(), "not_found");
    let twin = json!({ "code": "shop", "name": "X", "currency": "INR", "price_basis": "net", "country": "IN" });
    assert_eq!(fixture.client.post("/v1/catalog/channels").json(&twin).send().await.expect(409).code(), "code_taken");
    for (field, value) in
        [("currency", json!("XXX")), ("country", json!("ZZ")), ("price_basis", json!("free")), ("code", json!("A b"))]
    {
        let mut bad = twin.clone();
        bad["code"] = json!("other");
        bad[field] = value;
        let refused = fixture.client.post("/v1/catalog/channels").json(&bad).send().await.expect(400);
        assert_eq!(refused.json["errors"][0]["pointer"], format!("/{field}"));
    }
}

#[tokio::test]
async fn the_warehouse_is_the_first_location_with_stock() {
    let (fixture, web) = shop().await;
    let (blr, del) = (fixture.location("BLR-1", 1).await, fixture.location("DEL-1", 2).await);
    let product = fixture.product("T", "S", json!({})).await;
    let variant = variant_of(&product);
    fixture.stock(variant, 1, &[(blr, "BLR-1", 4), (del, "DEL-1", 5)]).await;
    let inventory = || async { fixture.list("").await["data"][0]["inventory"].clone() };
    assert_eq!(inventory().await, json!({ "available": 9, "warehouse": "BLR-1" }), "all locations by their own priority");
    let path = format!("channels/{web}");
    let _ = fixture.patch(&path, json!({ "location_ids": [del, blr] })).await.expect(200);
    assert_eq!(inventory().await, json!({ "available": 9, "warehouse": "DEL-1" }));
    let _ = fixture.patch(&path, json!({ "location_ids": [del] })).await.expect(200);
    assert_eq!(inventory().await, json!({ "available": 5, "warehouse": "DEL-1" }));
    fixture.stock(variant, 2, &[(blr, "BLR-1", 4), (del, "DEL-1", 0)]).await;
    assert_eq!(inventory().await, json!({ "available": 0, "warehouse": null }));
    let other_tenant: bloom_kernel::LocationId = fixture.id();
    let unknown = fixture.patch(&path, json!({ "location_ids": [del, other_tenant] })).await.expect(404);
    assert_eq!(unknown.json["errors"][0]["pointer"], "/location_ids/1");
    fixture.assert_invariants().await;
}

#[tokio::test]
async fn a_new_channel_lists_the_whole_catalogue() {
    let (fixture, _) = shop().await;
    let product = fixture.product("T", "S", json!({})).await;
    let shop = fixture.channel("shop", json!({})).await;
    let request = |query: &str| fixture.client.get(&format!("/v1/catalog/products?{query}")).channel(shop).send();
    assert_eq!(request("").await.expect(200).json["data"], json!([]));
    assert_eq!(request("published=false").await.expect(200).json["data"][0]["title"], "T");
    let path = format!("products/{}", text(&product["id"]));
    let _ = fixture.patch(&path, json!({ "channel_ids": [shop] })).await.expect(200);
    assert_eq!(request("").await.expect(200).json["data"][0]["title"], "T");
    assert_eq!(fixture.titles("").await, Vec::<String>::new());
    fixture.assert_invariants().await;
}

#[test]
fn serde_and_schema_agree_about_inputs() {
    let location = "loc_01jd6zv4x8e5yag7k3m2n9p0qr";
    bloom_testkit::assert_schema_agrees::<ChannelCreate>([json!({ "code": "web", "name": "Web", "currency": "INR",
        "price_basis": "gross", "country": "IN", "location_ids": [location], "is_default": true, "metadata": { "a": "b" } })]);
    bloom_testkit::assert_schema_agrees::<ChannelUpdate>([json!({ "name": "Web", "country": "IN", "location_ids": [location],
        "is_default": true, "active": false, "metadata": { "a": null } })]);
}
