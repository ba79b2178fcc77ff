//! Checkouts whose hold ends before its time.

use serde_json::json;

use crate::checkout_saga::Step;
use crate::checkout_saga::fault_injection::{FaultKind, FaultPoint, Moment};
use crate::tests::{Fixture, visit};

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_hold_is_replaced_if_stock_is_left() {
    let fixture = Fixture::open().await;
    for left in [1, 0] {
        let variant = fixture.product(&format!("RARE-{left}"), 700, 1).await;
        let guest = fixture.cart_of(&variant, 1).await;
        let started = fixture.checkout(&guest, &guest.cart, "tok_3ds").send().await.expect(202);
        // The hold is released without the checkout; with no unit left, another buyer takes it.
        release_all(&fixture, &variant).await;
        if left == 0 {
            let faster = fixture.cart_of(&variant, 1).await;
            fixture.checkout(&faster, &faster.cart, "tok_success").send().await.expect(201);
        }
        visit(&started, "approve").await;
        let ended = fixture.ended(&guest, &started.id()).await;
        if left == 1 {
            assert_eq!(ended["status"], "completed", "{ended}");
        } else {
            assert_eq!((&ended["status"], &ended["failure"]["code"]), (&json!("failed"), &json!("insufficient_stock")));
        }
        fixture.run_timers().await;
        assert_eq!(fixture.levels(&variant).await, (1, 1, 0));
    }
    let authorised = fixture.all_payments().await.iter().filter(|payment| payment["status"] == "authorised").count();
    assert_eq!(authorised, 2, "the late payer's payment is voided");
    assert_eq!(fixture.breaches().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn stock_lost_before_allocation_cancels_the_order() {
    let fixture = Fixture::open().await;
    for left in [1, 0] {
        let variant = fixture.product(&format!("LOST-{left}"), 900, 1).await;
        let guest = fixture.cart_of(&variant, 1).await;
        // The process crashes right after the order was placed, and is down until the hold has expired.
        fixture.faults.set([FaultPoint { step: Step::CommitHold, moment: Moment::Before, kind: FaultKind::Crash }]);
        fixture.checkout(&guest, &guest.cart, "tok_success").send().await.expect(503);
        let order = fixture.all_orders().await[0].clone();
        let cancel = format!("/v1/orders/{}/cancel", order["id"].as_str().unwrap());
        let early = fixture.orders.post(&cancel).key(&format!("early {left}")).json(&json!({})).send().await.expect(409);
        assert_eq!(early.code(), "order_not_settled");
        release_all(&fixture, &variant).await;
        if left == 0 {
            fixture.stock(&variant, "BLR-1", 0).await;
        }
        fixture.advance(10).await;
        let order = fixture.read_order(&order["id"]).await;
        if left == 1 {
            assert_eq!(order["status"], "confirmed");
            assert_eq!(fixture.levels(&variant).await, (1, 1, 0));
        } else {
            assert_eq!((&order["status"], &order["cancel_reason"]), (&json!("canceled"), &json!("stock_shortfall")));
            assert_eq!(order["payment_status"], "voided");
            assert_eq!(fixture.levels(&variant).await, (0, 0, 0));
        }
        assert_eq!(fixture.read_cart(&guest).await["status"], "completed");
    }
    assert_eq!(fixture.breaches().await, Vec::<String>::new());
}

/// Units are found at another location, and the process that found them crashes before the order is changed.
#[tokio::test(flavor = "multi_thread")]
async fn allocations_follow_a_replaced_hold() {
    let fixture = Fixture::open().await;
    let variant = fixture.product("MOVED", 900, 1).await;
    let guest = fixture.cart_of(&variant, 1).await;
    fixture.faults.set([FaultPoint { step: Step::CommitHold, moment: Moment::Before, kind: FaultKind::Crash }]);
    fixture.checkout(&guest, &guest.cart, "tok_success").send().await.expect(503);
    let mut connection = fixture.env.superuser().await;
    sqlx::raw_sql("create table kept as select * from orders").execute(&mut connection).await.unwrap();
    let allocation = async || fixture.all_orders().await[0]["lines"][0]["allocations"][0].clone();
    let before = allocation().await;
    release_all(&fixture, &variant).await;
    fixture.stock(&variant, "BLR-1", 0).await;
    fixture.stock(&variant, "BLR-2", 1).await;
    fixture.advance(10).await;
    let found = allocation().await;
    assert_ne!(found["location_id"], before["location_id"]);
    let outdated = "update orders set document = kept.document, version = kept.version from kept where kept.id = orders.id;
        update checkout set settled = false;
        delete from timeline where version > 1;
        insert into timer (tenant_id, kind, key, run_at, payload, attempts, locked_until)
        select tenant_id, 'checkout', document ->> 'checkout_id', placed_at, 'null', 0, '-infinity' from kept;
        drop table kept";
    sqlx::raw_sql(outdated).execute(&mut connection).await.unwrap();
    assert_eq!(allocation().await, before);
    fixture.advance(10).await;
    assert_eq!(allocation().await, found);
    let shipped = format!("/v1/orders/{}/fulfilments", fixture.all_orders().await[0]["id"].as_str().unwrap());
    fixture.orders.post(&shipped).json(&json!({ "shipped": true })).send().await.expect(201);
    assert_eq!(fixture.levels(&variant).await, (0, 0, 0));
}

async fn release_all(fixture: &Fixture, variant: &str) {
    let moved = fixture.inventory.get(&format!("/v1/inventory/movements?variant_id={variant}")).send().await.expect(200);
    let moved = moved.json["data"].as_array().expect("a list").clone();
    let hold_id = moved.iter().find_map(|movement| movement["hold_id"].as_str()).expect("a hold").to_owned();
    let request = fixture.env.host.request(&fixture.env.call(), bloom_contract_inventory::HoldRef { hold_id });
    let mut inventory = bloom_contract_inventory::inventory_client::InventoryClient::new(fixture.env.host.peers.get("inventory"));
    inventory.release_hold(request).await.expect("the hold is released");
}
