//! Each invariant says its name when its data are spoiled.

use bloom_testkit::test_env;

use super::stage;
use crate::{MIGRATIONS, NAME, platform};

#[tokio::test]
async fn each_breach_is_named() {
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
        let stage = stage().await;
        let shop = stage.location("BLR", 0).await;
        let variant = stage.variant(&[(shop, 5)]).await;
        let shipped = stage.take(variant, 2).await.unwrap();
        let order = stage.id();
        let allocations = stage.commit(&shipped.hold_id, order).await.unwrap();
        stage.ship("op-1", order, &allocations).await.unwrap();
        stage.take(variant, 1).await.unwrap();
        assert!(stage.breaches().await.is_empty());
        let mut conn = stage.bench.superuser().await;
        let spoiled = format!("set session_replication_role = replica; {statement}");
        sqlx::raw_sql(sqlx::AssertSqlSafe(spoiled)).execute(&mut conn).await.unwrap();
        let mut found = stage.breaches().await;
        found.dedup();
        assert_eq!(found, expected, "{statement}");
    }
}

#[tokio::test]
async fn stock_that_nobody_publishes_is_named() {
    let bench = test_env(NAME, &MIGRATIONS).await;
    let mut conn = bench.superuser().await;
    let mark = "insert into stock_dirty (tenant_id, variant_id) values (gen_random_uuid(), gen_random_uuid())";
    sqlx::query(mark).execute(&mut conn).await.unwrap();
    let mut names = Vec::new();
    for check in platform::checks() {
        let breaches = check.breaches(&mut bench.db.system().await.unwrap()).await.unwrap();
        names.extend(breaches.into_iter().map(|breach| breach.invariant));
    }
    assert_eq!(names, ["stock_published"]);
}
