//! Each check reports its invariant when the data violate it.

use bloom_testkit::TestEnv;

use super::fixture;
use crate::SERVICE;
use crate::checks::stock_long_unpublished;

#[tokio::test]
async fn each_violated_invariant_is_named() {
    let cases: [(&str, &[&str]); 6] = [
        ("update stock_item set on_hand = on_hand + 1", &["levels_match_movements"]),
        ("update movement set on_hand_delta = on_hand_delta + 1 where kind = 'counted'", &["levels_match_movements"]),
        (
            "alter table stock_item drop constraint stock_item_promised_check; update stock_item set held = held + 100",
            &["levels_match_movements", "promises_within_stock", "held_matches_holds"],
        ),
        ("update hold_line set active = false where position = 0", &["held_matches_holds", "holds_end_once"]),
        ("update hold set status = 'released', ended_at = created_at where status = 'active'", &["holds_end_once"]),
        ("update movement set order_id = gen_random_uuid() where kind = 'shipped'", &["allocations_not_negative"]),
    ];
    for (statement, expected) in cases {
        let fixture = fixture().await;
        let shop = fixture.location("BLR", 0).await;
        let variant = fixture.variant(&[(shop, 5)]).await;
        let shipped = fixture.take(variant, 2).await.unwrap();
        let order = fixture.id();
        let allocations = fixture.commit(&shipped.hold_id, order).await.unwrap();
        fixture.ship("op-1", order, &allocations).await.unwrap();
        fixture.take(variant, 1).await.unwrap();
        assert!(fixture.breaches().await.is_empty());
        let mut conn = fixture.env.superuser().await;
        let spoiled = format!("set session_replication_role = replica; {statement}");
        sqlx::raw_sql(sqlx::AssertSqlSafe(spoiled)).execute(&mut conn).await.unwrap();
        let mut found = fixture.breaches().await;
        found.dedup();
        assert_eq!(found, expected, "{statement}");
    }
}

#[tokio::test]
async fn the_check_finds_unpublished_stock() {
    let env = TestEnv::of(&SERVICE).await;
    let mut conn = env.superuser().await;
    let mark = "insert into stock_dirty (tenant_id, variant_id) values (gen_random_uuid(), gen_random_uuid())";
    sqlx::query(mark).execute(&mut conn).await.unwrap();
    let found = stock_long_unpublished(&mut conn).await.unwrap();
    assert_eq!(found.len(), 1);
}
