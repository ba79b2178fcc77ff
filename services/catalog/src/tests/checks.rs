//! `bloom check`.

use serde_json::json;
use sqlx::Executor as _;

use super::{shop, variant_of};

#[tokio::test]
async fn a_corrupted_projection_is_reported() {
    let (fixture, channel) = shop().await;
    let product = fixture.product("T", "S", json!({})).await;
    fixture.price(variant_of(&product), 1, &[(channel, Some(7))]).await;
    fixture.assert_invariants().await;
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
        let mut conn = fixture.env.superuser().await;
        conn.execute(corrupt).await.unwrap();
        let breaches = fixture.breaches().await;
        assert!(breaches.iter().any(|(name, _)| name == "listing_equals_sources"), "{corrupt}: {breaches:?}");
        assert!(breaches[0].1.contains(&fixture.env.tenant.uuid().to_string()), "{breaches:?}");
        assert!(breaches.iter().all(|(_, detail)| detail.chars().count() < 700), "too long to read: {breaches:?}");
        conn.execute(repair).await.unwrap();
        assert_eq!(fixture.breaches().await, Vec::new(), "{repair}");
    }
}
