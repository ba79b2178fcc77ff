//! What pricing and inventory tell.

use bloom_kernel::LocationId;
use serde_json::{Value, json};

use super::{shop, text, variant_of};

#[tokio::test]
async fn the_newest_story_counts() {
    let (stage, channel) = shop().await;
    let other = stage.channel("other", json!({})).await;
    let variant = variant_of(&stage.product("T", "S", json!({})).await);
    let price = || async { stage.list("").await["data"][0]["price"].clone() };
    stage.price(variant, 3, &[(channel, Some(300)), (other, Some(900))]).await;
    assert_eq!(price().await, json!({ "amount": 300, "currency": "INR" }));
    stage.price(variant, 2, &[(channel, Some(200))]).await;
    assert_eq!(price().await["amount"], 300, "an older story that comes late");
    stage.price(variant, 3, &[(channel, Some(301))]).await;
    assert_eq!(price().await["amount"], 301, "the same version again repairs");
    stage.price(variant, 4, &[(channel, None)]).await;
    assert_eq!(price().await, Value::Null);
    stage.sound().await;
}

#[tokio::test]
async fn the_lowest_price_and_all_stock_of_active_variants() {
    let (stage, channel) = shop().await;
    let location = stage.location("BLR-1", 1).await;
    let product = json!({ "title": "Shirt", "status": "active", "options": [{ "name": "Size", "values": ["S", "L"] }], "variants": [
        { "sku": "S", "options": { "Size": "S" } }, { "sku": "L", "options": { "Size": "L" } }] });
    let product = stage.made("products", product).await;
    let variant = |index: usize| text(&product["variants"][index]["id"]).parse().unwrap();
    stage.price(variant(0), 1, &[(channel, Some(500))]).await;
    stage.price(variant(1), 1, &[(channel, Some(400))]).await;
    stage.stock(variant(0), 1, &[(location, "BLR-1", 2)]).await;
    stage.stock(variant(1), 1, &[(location, "BLR-1", -3)]).await;
    let item = stage.list("").await["data"][0].clone();
    assert_eq!((&item["price"]["amount"], &item["inventory"]["available"]), (&json!(400), &json!(2)), "never below nothing");
    let path = format!("/v1/catalog/products/{}/variants/{}", text(&product["id"]), text(&product["variants"][1]["id"]));
    let _ = stage.door.delete(&path).if_match(1).send().await.expect(204);
    assert_eq!(stage.list("").await["data"][0]["price"]["amount"], 500);
    stage.sound().await;
}

#[tokio::test]
async fn locations_change_names_order_and_duty() {
    let (stage, _) = shop().await;
    let variant = variant_of(&stage.product("T", "S", json!({})).await);
    let (near, far): (LocationId, LocationId) = (stage.id(), stage.id());
    // Stock is heard before its locations: their codes come with it.
    stage.stock(variant, 1, &[(near, "NEAR", 1), (far, "FAR", 2)]).await;
    let inventory = || async { stage.list("").await["data"][0]["inventory"].clone() };
    assert_eq!(inventory().await["available"], 3);
    stage.relocate(near, "NEAR", 2, true, 1).await;
    stage.relocate(far, "FAR", 1, true, 1).await;
    assert_eq!(inventory().await, json!({ "available": 3, "warehouse": "FAR" }));
    stage.relocate(far, "FAR-2", 1, true, 2).await;
    assert_eq!(inventory().await["warehouse"], "FAR-2");
    stage.relocate(far, "FAR-2", 1, false, 3).await;
    assert_eq!(inventory().await, json!({ "available": 1, "warehouse": "NEAR" }));
    stage.relocate(far, "FAR", 1, true, 2).await;
    assert_eq!(inventory().await["available"], 1, "an older story");
    stage.sound().await;
}

#[tokio::test]
async fn a_batch_speaks_of_many_things_at_once() {
    let (stage, channel) = shop().await;
    let first = variant_of(&stage.product("A", "A", json!({})).await);
    let second = variant_of(&stage.product("B", "B", json!({})).await);
    let location: LocationId = stage.id();
    let price = |variant, version, amount| {
        let data = json!({ "variant_id": variant, "prices": [{ "channel_id": channel, "price": { "amount": amount, "currency": "INR" } }] });
        stage.envelope("pricing", "variant_price.updated", &format!("{variant}"), version, &data)
    };
    let stock = json!({ "variant_id": second, "items": [{ "location_id": location, "location_code": "BLR-1", "priority": 1, "available": 4 }] });
    let place = json!({ "id": location, "code": "BLR-1", "priority": 1, "active": true });
    stage
        .hear(&[
            price(first, 1, 100),
            stage.envelope("inventory", "stock.updated", &second.to_string(), 1, &stock),
            price(first, 2, 200),
            stage.envelope("inventory", "location.created", &location.to_string(), 1, &place),
            price(second, 1, 300),
        ])
        .await;
    let page = stage.list("sort=created").await;
    assert_eq!((&page["data"][0]["price"]["amount"], &page["data"][1]["price"]["amount"]), (&json!(200), &json!(300)));
    assert_eq!(page["data"][1]["inventory"], json!({ "available": 4, "warehouse": "BLR-1" }));
    stage.sound().await;
}
