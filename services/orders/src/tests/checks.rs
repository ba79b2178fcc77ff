//! The invariants that `bloom check` looks at.

use serde_json::json;

use super::{Fixture, order_path as path};

#[tokio::test(flavor = "multi_thread")]
async fn each_check_finds_its_corrupted_row() {
    let fixture = Fixture::open().await;
    let order = fixture.order(1).await;
    fixture.orders.post(&path(&order, "/fulfilments")).json(&json!({ "shipped": true })).send().await.expect(201);
    fixture.drain().await;
    assert_eq!(fixture.breaches().await, Vec::<String>::new());
    let mut connection = fixture.env.superuser().await;
    for (corrupt, repair, name) in [
        (
            "update orders set document = jsonb_set(document, '{total,amount}', '1')",
            "update orders set document = jsonb_set(document, '{total,amount}', '1100')",
            "order_totals_are_sums",
        ),
        (
            "update checkout set status = 'failed', bought_cart_id = null",
            "update checkout set status = 'completed', bought_cart_id = cart_id",
            "one_order_per_checkout",
        ),
        ("update checkout set settled = false", "update checkout set settled = true", "no_checkout_stuck"),
        (
            "insert into operation (tenant_id, id, order_id, kind, status, units, actor, attempts, created_at, updated_at)
             select tenant_id, id, id, 'release', 'failed', '[]', 'x', 0, placed_at, placed_at from orders",
            "delete from operation where kind = 'release'",
            "order_operations_settled",
        ),
        (
            "update operation set status = 'failed' where kind = 'ship'",
            "update operation set status = 'succeeded' where kind = 'ship'",
            "refused_shipments_stay",
        ),
        (
            "update orders set status = 'canceled',
                document = jsonb_set(jsonb_set(document, '{status}', '\"canceled\"'), '{payment,captured,amount}', '7')",
            "update orders set status = 'completed',
                document = jsonb_set(jsonb_set(document, '{status}', '\"completed\"'), '{payment,captured,amount}', '0')",
            "ended_orders_hold_nothing",
        ),
    ] {
        sqlx::query(corrupt).execute(&mut connection).await.unwrap();
        fixture.env.clock.advance(chrono::TimeDelta::minutes(2));
        let breaches = fixture.breaches().await;
        assert!(breaches.len() == 1 && breaches[0].starts_with(name), "{name}: {breaches:?}");
        sqlx::query(repair).execute(&mut connection).await.unwrap();
    }
    assert_eq!(fixture.breaches().await, Vec::<String>::new());
}
