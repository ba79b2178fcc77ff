//! The consumer of prices, stock and locations.

use bloom_kernel::{LocationId, TaxClassId};
use serde_json::{Value, json};

use super::{shop, text, variant_of};
use crate::consumers::update_listing;

#[tokio::test]
async fn an_older_event_is_ignored_and_an_equal_one_repairs() {
    let (fixture, channel) = shop().await;
    let other = fixture.channel("other", json!({})).await;
    let variant = variant_of(&fixture.product("T", "S", json!({})).await);
    let price = || async { fixture.list("").await["data"][0]["price"].clone() };
    fixture.price(variant, 3, &[(channel, Some(300)), (other, Some(900))]).await;
    assert_eq!(price().await, json!({ "amount": 300, "currency": "INR" }));
    fixture.price(variant, 2, &[(channel, Some(200))]).await;
    assert_eq!(price().await["amount"], 300, "an older event that comes late");
    fixture.price(variant, 3, &[(channel, Some(301))]).await;
    assert_eq!(price().await["amount"], 301, "an equal version is applied again");
    fixture.price(variant, 4, &[(channel, None)]).await;
    assert_eq!(price().await, Value::Null);
    fixture.assert_invariants().await;
}

#[tokio::test]
async fn a_listing_has_the_lowest_price_and_the_sum_of_stock() {
    let (fixture, channel) = shop().await;
    let location = fixture.location("BLR-1", 1).await;
    let product = json!({ "title": "Shirt", "status": "active", "options": [{ "name": "Size", "values": ["S", "L"] }], "variants": [
        { "sku": "S", "options": { "Size": "S" } }, { "sku": "L", "options": { "Size": "L" } }] });
    let product = fixture.create("products", product).await;
    let variant = |index: usize| text(&product["variants"][index]["id"]).parse().unwrap();
    fixture.price(variant(0), 1, &[(channel, Some(500))]).await;
    fixture.price(variant(1), 1, &[(channel, Some(400))]).await;
    fixture.stock(variant(0), 1, &[(location, "BLR-1", 2)]).await;
    fixture.stock(variant(1), 1, &[(location, "BLR-1", -3)]).await;
    let item = fixture.list("").await["data"][0].clone();
    assert_eq!((&item["price"]["amount"], &item["inventory"]["available"]), (&json!(400), &json!(2)), "never below zero");
    let path = format!("/v1/catalog/products/{}/variants/{}", text(&product["id"]), text(&product["variants"][1]["id"]));
    let _ = fixture.client.delete(&path).if_match(1).send().await.expect(204);
    assert_eq!(fixture.list("").await["data"][0]["price"]["amount"], 500);
    fixture.assert_invariants().await;
}

#[tokio::test]
async fn a_location_event_refreshes_listings() {
    let (fixture, _) = shop().await;
    let variant = variant_of(&fixture.product("T", "S", json!({})).await);
    let (near, far): (LocationId, LocationId) = (fixture.id(), fixture.id());
    // Stock events arrive before those of the locations: they carry the codes.
    fixture.stock(variant, 1, &[(near, "NEAR", 1), (far, "FAR", 2)]).await;
    let inventory = || async { fixture.list("").await["data"][0]["inventory"].clone() };
    assert_eq!(inventory().await["available"], 3);
    fixture.location_event(near, "NEAR", 2, true, 1).await;
    fixture.location_event(far, "FAR", 1, true, 1).await;
    assert_eq!(inventory().await, json!({ "available": 3, "warehouse": "FAR" }));
    fixture.location_event(far, "FAR-2", 1, true, 2).await;
    assert_eq!(inventory().await["warehouse"], "FAR-2");
    fixture.location_event(far, "FAR-2", 1, false, 3).await;
    assert_eq!(inventory().await, json!({ "available": 1, "warehouse": "NEAR" }));
    fixture.location_event(far, "FAR", 1, true, 2).await;
    assert_eq!(inventory().await["available"], 1, "an older event");
    fixture.assert_invariants().await;
}

#[tokio::test]
async fn a_batch_holds_events_of_many_kinds() {
    let (fixture, channel) = shop().await;
    let first = variant_of(&fixture.product("A", "A", json!({})).await);
    let second = variant_of(&fixture.product("B", "B", json!({})).await);
    let location: LocationId = fixture.id();
    let price = |variant, version, amount| {
        let data = json!({ "variant_id": variant, "prices": [{ "channel_id": channel, "price": { "amount": amount, "currency": "INR" } }] });
        fixture.envelope("pricing", "variant_price.updated", &format!("{variant}"), version, &data)
    };
    let stock = json!({ "variant_id": second, "items": [{ "location_id": location, "location_code": "BLR-1", "priority": 1, "available": 4 }] });
    let place = json!({ "id": location, "code": "BLR-1", "priority": 1, "active": true });
    fixture
        .consume(&[
            price(first, 1, 100),
            fixture.envelope("inventory", "stock.updated", &second.to_string(), 1, &stock),
            price(first, 2, 200),
            fixture.envelope("inventory", "location.created", &location.to_string(), 1, &place),
            price(second, 1, 300),
        ])
        .await;
    let page = fixture.list("sort=created").await;
    assert_eq!((&page["data"][0]["price"]["amount"], &page["data"][1]["price"]["amount"]), (&json!(200), &json!(300)));
    assert_eq!(page["data"][1]["inventory"], json!({ "available": 4, "warehouse": "BLR-1" }));
    fixture.assert_invariants().await;
}

#[tokio::test]
async fn the_etags_of_lists_are_invalidated_by_the_commit() {
    let (fixture, _) = shop().await;
    let class: TaxClassId = fixture.id();
    let event = fixture.envelope("pricing", "tax_class.created", &class.to_string(), 1, &json!({ "id": class }));
    for commit in [false, true] {
        let key = || fixture.app.list_etags.key(fixture.env.tenant, b"list");
        let before = key();
        let mut tx = fixture.env.db.write(&fixture.call()).await.unwrap();
        update_listing(&fixture.app, &mut tx, std::slice::from_ref(&event)).await.unwrap();
        assert!(key() == before, "not before the commit");
        if commit {
            tx.commit().await.unwrap();
        } else {
            tx.rollback().await.unwrap();
        }
        assert_eq!(key() != before, commit);
    }
}
