//! The state export.

use bloom_contract_platform::ExportStateRequest;
use serde_json::{Value, json};

use super::{shop, text, variant_of};

#[tokio::test]
async fn the_export_equals_the_rest_bodies() {
    let (fixture, channel) = shop().await;
    let product = fixture.product("T", "S", json!({})).await;
    let second = fixture.product("U", "U", json!({})).await;
    let category = fixture.create("categories", json!({ "name": "C" })).await;
    let (variant, location) = (variant_of(&product), fixture.location("BLR-1", 1).await);
    fixture.price(variant, 2, &[(channel, Some(7))]).await;
    fixture.stock(variant, 3, &[(location, "BLR-1", -4)]).await;
    let (mut records, mut after) = (Vec::new(), String::new());
    loop {
        let request = ExportStateRequest { kinds: Vec::new(), after: after.clone(), limit: 1 };
        let request = fixture.env.host.request(&fixture.call(), request);
        let mut stream = fixture.platform().export_state(request).await.unwrap().into_inner();
        let Some(record) = stream.message().await.unwrap() else { break };
        after.clone_from(&record.cursor);
        records.push(record);
    }
    let found = |kind: &str| -> Vec<Value> {
        let of_kind = records.iter().filter(|record| record.kind == kind);
        of_kind.map(|record| serde_json::from_str(&record.data_json).unwrap()).collect()
    };
    assert_eq!(found("product.updated"), [product, second]);
    assert_eq!(found("category.updated"), [category]);
    assert_eq!(text(&found("channel.updated")[0]["id"]), channel.to_string());
    let replica = json!({ "variant_id": variant, "price_version": 2, "stock_version": 3,
        "prices": [{ "channel_id": channel, "amount": 7, "currency": "INR" }], "stock": [{ "location_id": location, "available": -4 }] });
    assert_eq!(found("variant_replica.updated"), [replica]);
}
