//! Units of an order are shipped or released, once.

use bloom_contract_inventory as proto;
use bloom_kernel::OrderId;

use super::{Fixture, fixture};

async fn ordered(
    fixture: &Fixture,
    on_hand: i64,
    quantity: i64,
) -> (bloom_kernel::VariantId, bloom_kernel::LocationId, OrderId, Vec<proto::Allocation>) {
    let shop = fixture.location("BLR", 0).await;
    let variant = fixture.variant(&[(shop, on_hand)]).await;
    let order = fixture.id();
    let hold = fixture.take(variant, quantity).await.unwrap();
    let allocations = fixture.commit(&hold.hold_id, order).await.unwrap();
    (variant, shop, order, allocations)
}

fn part(allocations: &[proto::Allocation], quantity: i64) -> Vec<proto::Allocation> {
    vec![proto::Allocation { quantity, ..allocations[0].clone() }]
}

#[tokio::test]
async fn units_ship_once_per_operation() {
    let fixture = fixture().await;
    let (variant, shop, order, allocations) = ordered(&fixture, 5, 4).await;
    let three = part(&allocations, 3);
    fixture.ship("op-1", order, &three).await.unwrap();
    fixture.ship("op-1", order, &three).await.unwrap();
    assert_eq!(fixture.levels(variant, shop).await, [2, 1, 0, 1]);
    assert_eq!(fixture.ship("op-1", order, &part(&allocations, 1)).await.unwrap_err().reason, "idempotency_key_reused");
    assert_eq!(fixture.give_back("op-1", order, &three).await.unwrap_err().reason, "idempotency_key_reused");
    fixture.give_back("op-2", order, &part(&allocations, 1)).await.unwrap();
    assert_eq!(fixture.levels(variant, shop).await, [2, 0, 0, 2]);
    assert!(fixture.breaches().await.is_empty());
}

#[tokio::test]
async fn an_order_cannot_ship_more_than_is_allocated() {
    let fixture = fixture().await;
    let (variant, shop, order, allocations) = ordered(&fixture, 9, 2).await;
    let fault = fixture.ship("op-1", order, &part(&allocations, 3)).await.unwrap_err();
    assert_eq!((&*fault.reason, fault.errors[0].message.as_str()), ("allocation_exceeded", "2 allocated"));
    let other: OrderId = fixture.id();
    assert_eq!(fixture.give_back("op-2", other, &allocations).await.unwrap_err().reason, "allocation_exceeded");
    assert_eq!(fixture.levels(variant, shop).await, [9, 2, 0, 7]);
    // A refusal has no effect, so its id may be used for a corrected request.
    fixture.ship("op-1", order, &allocations).await.unwrap();
}

#[tokio::test]
async fn back_ordered_units_cannot_ship_before_receipt() {
    let fixture = fixture().await;
    let shop = fixture.location("BLR", 0).await;
    let variant = fixture.variant(&[(shop, 1)]).await;
    fixture.settings(variant, shop, &serde_json::json!({ "backorder_limit": 2 })).await;
    let hold = fixture.take(variant, 3).await.unwrap();
    assert_eq!(hold.allocations[0].backordered, 2);
    let order: OrderId = fixture.id();
    let allocations = fixture.commit(&hold.hold_id, order).await.unwrap();
    assert_eq!(fixture.ship("op-1", order, &allocations).await.unwrap_err().reason, "on_hand_out_of_range");
    let input =
        serde_json::json!({ "kind": "received", "lines": [{ "variant_id": variant, "location_id": shop, "quantity": 2 }] });
    let _ = fixture.client.post("/v1/inventory/adjustments").json(&input).send().await.expect(201);
    fixture.ship("op-1", order, &allocations).await.unwrap();
    assert_eq!(fixture.levels(variant, shop).await, [0, 0, 0, 2]);
    assert!(fixture.breaches().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_repeats_of_an_operation_happen_once() {
    let fixture = fixture().await;
    let (variant, shop, order, allocations) = ordered(&fixture, 5, 5).await;
    let one = part(&allocations, 1);
    let outcomes = futures::future::join_all((0..10).map(|_| fixture.ship("op-1", order, &one))).await;
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    assert_eq!(fixture.levels(variant, shop).await, [4, 4, 0, 0]);
}
