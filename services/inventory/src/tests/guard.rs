//! The database refuses what no service should do, even for the service's own role.

use super::fixture;

fn refused(outcome: Result<impl Sized, sqlx::Error>, state: &str, what: &str) {
    let error = outcome.err().unwrap_or_else(|| panic!("{what} was allowed"));
    let database = error.as_database_error().unwrap_or_else(|| panic!("{what}: {error}"));
    let names = [database.code().unwrap_or_default().into_owned(), database.constraint().unwrap_or_default().to_owned()];
    assert!(names.iter().any(|name| name == state), "{what}: {names:?} {error}");
}

#[tokio::test]
async fn only_movements_change_levels_and_none_is_changed() {
    let fixture = fixture().await;
    let shop = fixture.location("BLR", 0).await;
    let variant = fixture.variant(&[(shop, 5)]).await;
    let forbidden = [
        "update stock_item set on_hand = 7",
        "update stock_item set allocated = 1",
        "update stock_item set held = 1",
        "update stock_item set shortfall = 9",
        "delete from stock_item",
        "insert into stock_item (tenant_id, variant_id, location_id, on_hand, safety_stock, backorder_limit, version, created_at, updated_at)
         select tenant_id, gen_random_uuid(), location_id, 5, 0, 0, 1, created_at, updated_at from stock_item",
        "update movement set on_hand_delta = 1",
        "delete from movement",
        "truncate movement",
        "delete from hold",
        "update hold_line set quantity = 1",
        "delete from stock_operation",
    ];
    for statement in forbidden {
        let mut tx = fixture.env.db.write(&fixture.call()).await.unwrap();
        refused(sqlx::query(statement).execute(&mut *tx).await, "42501", statement);
    }
    assert_eq!(fixture.levels(variant, shop).await, [5, 0, 0, 5]);
}

/// A movement as a faulty service might write it.
fn movement(kind: &str, on_hand: i64, allocated: i64, held: i64, more: &str) -> String {
    format!(
        "insert into movement (tenant_id, id, variant_id, location_id, kind, on_hand_delta, allocated_delta, held_delta,
             hold_id, hold_position, order_id, actor, occurred_at)
         select tenant_id, gen_random_uuid(), variant_id, location_id, '{kind}', {on_hand}, {allocated}, {held}, {more},
             'mistake', updated_at from stock_item"
    )
}

#[tokio::test]
async fn units_beyond_stock_and_backorders_cannot_be_promised() {
    let fixture = fixture().await;
    let shop = fixture.location("BLR", 0).await;
    let variant = fixture.variant(&[(shop, 5)]).await;
    let a_hold = "gen_random_uuid(), 0, null";
    let statements = [
        (movement("held", 0, 0, 6, a_hold), "stock_item_promised_check"),
        (movement("hold_released", 0, 0, -1, a_hold), "stock_item_held_check"),
        (movement("adjusted", -6, 0, 0, "null, null, null"), "stock_item_on_hand_check"),
        (movement("allocated", 0, 1, -1, "null, null, gen_random_uuid()"), "movement_hold_check"),
        (movement("shipped", -1, -1, 0, "null, null, null"), "movement_order_check"),
        (movement("shipped", -1, 0, 0, "null, null, gen_random_uuid()"), "movement_kind_check"),
        (movement("received", -1, 0, 0, "null, null, null"), "movement_kind_check"),
        (movement("stolen", -1, 0, 0, "null, null, null"), "movement_kind_check"),
    ];
    for (statement, constraint) in statements {
        let mut tx = fixture.env.db.write(&fixture.call()).await.unwrap();
        refused(sqlx::query(sqlx::AssertSqlSafe(statement.clone())).execute(&mut *tx).await, constraint, &statement);
    }
    assert_eq!(fixture.levels(variant, shop).await, [5, 0, 0, 5]);
}

#[tokio::test]
async fn an_ended_hold_cannot_be_changed() {
    let fixture = fixture().await;
    let shop = fixture.location("BLR", 0).await;
    let variant = fixture.variant(&[(shop, 5)]).await;
    let hold = fixture.take(variant, 1).await.unwrap();
    fixture.commit(&hold.hold_id, fixture.id()).await.unwrap();
    let statements = [
        ("update hold set status = 'active', ended_at = null, order_id = null", "hold_ends_once"),
        ("update hold_line set active = true", "hold_ends_once"),
        (
            "insert into movement (tenant_id, id, variant_id, location_id, kind, on_hand_delta, allocated_delta, held_delta,
                 hold_id, hold_position, actor, occurred_at)
             select tenant_id, gen_random_uuid(), variant_id, location_id, 'hold_released', 0, 0, -1, hold_id, 0, 'mistake',
                 occurred_at from movement where kind = 'held'",
            "movement_hold_key",
        ),
    ];
    for (statement, constraint) in statements {
        let mut tx = fixture.env.db.write(&fixture.call()).await.unwrap();
        refused(sqlx::query(statement).execute(&mut *tx).await, constraint, statement);
    }
}

#[tokio::test]
async fn a_low_count_leaves_a_shortfall() {
    let fixture = fixture().await;
    let shop = fixture.location("BLR", 0).await;
    let variant = fixture.variant(&[(shop, 5)]).await;
    let hold = fixture.take(variant, 4).await.unwrap();
    let count = |quantity: i64| {
        serde_json::json!({ "kind": "counted", "reason": "flood", "lines": [
            { "variant_id": variant, "location_id": shop, "quantity": quantity }
        ] })
    };
    let _ = fixture.client.post("/v1/inventory/adjustments").json(&count(1)).send().await.expect(201);
    assert_eq!(fixture.item(variant, shop).await["shortfall"], 3);
    assert_eq!(fixture.take(variant, 1).await.unwrap_err().reason, "insufficient_stock");
    assert!(fixture.breaches().await.is_empty());
    // The hold can still become an order's allocation, and releasing it reduces the shortfall.
    let order = fixture.id();
    let allocations = fixture.commit(&hold.hold_id, order).await.unwrap();
    fixture.give_back("op-1", order, &allocations).await.unwrap();
    let item = fixture.item(variant, shop).await;
    assert_eq!((&item["shortfall"], &item["sellable"]), (&0.into(), &1.into()));
    assert!(fixture.breaches().await.is_empty());
}
