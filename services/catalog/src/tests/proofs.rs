//! The projection is proven equal to its sources; corrupted, it is found out.

use bloom_contract_platform::ExportStateRequest;
use serde_json::{Value, json};
use sqlx::Executor as _;

use super::{shop, text, variant_of};

#[tokio::test]
async fn a_corrupted_projection_is_named() {
    let (stage, channel) = shop().await;
    let product = stage.product("T", "S", json!({})).await;
    stage.price(variant_of(&product), 1, &[(channel, Some(7))]).await;
    stage.sound().await;
    for (corrupt, repair) in [
        (
            r#"update listing set doc = replace(doc, '"amount":7', '"amount":8')"#,
            r#"update listing set doc = replace(doc, '"amount":8', '"amount":7')"#,
        ),
        ("update variant_price set price_amount = 9", "update variant_price set price_amount = 7"),
        ("update listing_entry set price_key = 1", "update listing_entry set price_key = 7"),
        ("update listing set doc = doc || repeat('x', 100000)", "update listing set doc = rtrim(doc, 'x')"),
        ("update listing set available = 5", "update listing set available = 0"),
        ("update product set status = 'draft'", "update product set status = 'active'"),
        (
            "insert into listing_entry select tenant_id, channel_id, state, gen_random_uuid(), product_id, 't', 7, null from listing",
            "delete from listing_entry where title_key = 't' and scope_id <> '00000000-0000-0000-0000-000000000000'",
        ),
    ] {
        let mut conn = stage.bench.superuser().await;
        conn.execute(corrupt).await.unwrap();
        let breaches = stage.breaches().await;
        assert!(breaches.iter().any(|(name, _)| name == "listing_equals_sources"), "{corrupt}: {breaches:?}");
        assert!(breaches[0].1.contains(&stage.bench.tenant.uuid().to_string()), "{breaches:?}");
        assert!(breaches.iter().all(|(_, detail)| detail.chars().count() < 700), "longer than anybody reads: {breaches:?}");
        conn.execute(repair).await.unwrap();
        assert_eq!(stage.breaches().await, Vec::new(), "{repair}");
    }
}

#[tokio::test]
async fn the_present_state_is_exported_as_events_tell_it() {
    let (stage, channel) = shop().await;
    let product = stage.product("T", "S", json!({})).await;
    let second = stage.product("U", "U", json!({})).await;
    let category = stage.made("categories", json!({ "name": "C" })).await;
    let (variant, location) = (variant_of(&product), stage.location("BLR-1", 1).await);
    stage.price(variant, 2, &[(channel, Some(7))]).await;
    stage.stock(variant, 3, &[(location, "BLR-1", -4)]).await;
    let (mut records, mut after) = (Vec::new(), String::new());
    loop {
        let request = ExportStateRequest { kinds: Vec::new(), after: after.clone(), limit: 1 };
        let request = stage.bench.host.request(&stage.call(), request);
        let mut stream = stage.platform().export_state(request).await.unwrap().into_inner();
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
    let heard = json!({ "variant_id": variant, "price_version": 2, "stock_version": 3,
        "prices": [{ "channel_id": channel, "amount": 7, "currency": "INR" }], "stock": [{ "location_id": location, "available": -4 }] });
    assert_eq!(found("variant_heard.updated"), [heard]);
}
