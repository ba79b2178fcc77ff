//! Two who change the same at once: the second waits for the first, and sees what it did.

use bloom_contract_inventory as proto;
use bloom_fault::Fault;
use bloom_kernel::VariantId;
use bloom_testkit::queue;
use chrono::TimeDelta;
use futures::future::{join, join3};
use serde_json::json;
use sqlx::{AssertSqlSafe, PgConnection};

use super::{Fixture, fixture};

impl Fixture {
    async fn locked(&self, rows: &str) -> PgConnection {
        let mut holder = self.env.superuser().await;
        let lock = format!("begin; select from {rows} for update");
        sqlx::raw_sql(AssertSqlSafe(lock)).execute(&mut holder).await.unwrap();
        holder
    }

    /// Runs both at once: both have come to the rows before either may have them.
    async fn both<A, B>(&self, rows: &str, one: impl Future<Output = A>, other: impl Future<Output = B>) -> (A, B) {
        let mut holder = self.locked(rows).await;
        let let_go = async {
            queue(&mut holder, 2).await;
            sqlx::query("rollback").execute(&mut holder).await.unwrap();
        };
        let (one, other, ()) = join3(one, other, let_go).await;
        (one, other)
    }
}

fn reason<T>(outcome: Result<T, Fault>) -> Option<String> {
    outcome.err().map(|fault| fault.reason.to_string())
}

/// Lost would be the order of locks, items before lines: a buyer and whoever ends a hold that is over would stop one another.
#[tokio::test(flavor = "multi_thread")]
async fn a_buyer_and_the_end_of_a_hold_do_not_block_one_another() {
    let fixture = fixture().await;
    let shop = fixture.location("BLR", 0).await;
    let variant = fixture.variant(&[(shop, 1)]).await;
    let hold = fixture.take(variant, 1).await.unwrap();
    let mut holder = fixture.locked("stock_item").await;
    sqlx::query("delete from timer").execute(&mut fixture.env.superuser().await).await.unwrap();
    fixture.env.clock.advance(TimeDelta::seconds(600));
    let behind_the_buyer = async {
        queue(&mut holder, 1).await;
        let let_go = async {
            queue(&mut holder, 2).await;
            sqlx::query("rollback").execute(&mut holder).await.unwrap();
        };
        join(fixture.release(&hold.hold_id), let_go).await.0
    };
    let (bought, released) = join(fixture.take(variant, 1), behind_the_buyer).await;
    assert_eq!((bought.unwrap().status(), released.unwrap().status()), (proto::HoldStatus::Active, proto::HoldStatus::Expired));
    assert_eq!(fixture.levels(variant, shop).await, [1, 0, 1, 0]);
    assert!(fixture.breaches().await.is_empty());
}

/// Lost would be the answer: who comes second would be told of a fault, and not of what has become of the hold.
#[tokio::test(flavor = "multi_thread")]
async fn a_hold_that_is_committed_and_released_at_once_is_one_of_them() {
    let fixture = fixture().await;
    let shop = fixture.location("BLR", 0).await;
    let variant = fixture.variant(&[(shop, 1)]).await;
    let hold = fixture.take(variant, 1).await.unwrap();
    let (commit, release) =
        fixture.both("hold", fixture.commit(&hold.hold_id, fixture.id()), fixture.release(&hold.hold_id)).await;
    let told = (reason(commit), release.unwrap().status());
    let expected = [(None, proto::HoldStatus::Committed), (Some("hold_expired".to_owned()), proto::HoldStatus::Released)];
    assert!(expected.contains(&told), "{told:?}");
    assert!(fixture.breaches().await.is_empty());
}

/// Lost would be the units of another order of the same item: what an order has is summed up under the item's lock.
#[tokio::test(flavor = "multi_thread")]
async fn an_order_ships_at_once_no_more_than_it_has() {
    let fixture = fixture().await;
    let shop = fixture.location("BLR", 0).await;
    let variant: VariantId = fixture.variant(&[(shop, 20)]).await;
    let mut orders = Vec::new();
    for units in [10, 3] {
        let (hold, order) = (fixture.take(variant, units).await.unwrap(), fixture.id());
        orders.push((order, fixture.commit(&hold.hold_id, order).await.unwrap()));
    }
    let (order, mut two) = orders.pop().unwrap();
    two[0].quantity = 2;
    let (one, other) = fixture.both("stock_item", fixture.ship("op-1", order, &two), fixture.ship("op-2", order, &two)).await;
    let mut told = [reason(one), reason(other)];
    told.sort_unstable();
    assert_eq!(told, [None, Some("allocation_exceeded".to_owned())]);
    assert_eq!(fixture.levels(variant, shop).await, [18, 11, 0, 7]);
    assert!(fixture.breaches().await.is_empty());
}

/// Lost would be a count: what was counted is what lies there, whoever else counts.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_counts_at_once_one_is_the_last() {
    let fixture = fixture().await;
    let shop = fixture.location("BLR", 0).await;
    let variant = fixture.variant(&[(shop, 1)]).await;
    let count = |units: i64| {
        let line = json!({ "variant_id": variant, "location_id": shop, "quantity": units });
        fixture.client.post("/v1/inventory/adjustments").json(&json!({ "kind": "counted", "lines": [line] })).send()
    };
    let (one, other) = fixture.both("stock_item", count(100), count(110)).await;
    assert_eq!((one.status, other.status), (201, 201));
    let [on_hand, ..] = fixture.levels(variant, shop).await;
    assert!([100, 110].contains(&on_hand), "{on_hand}");
}

/// Lost would be a change that its writer was told is made: of two who saw the same version, one changes it.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_changes_at_once_to_one_version_one_is_made() {
    let fixture = fixture().await;
    let shop = fixture.location("BLR", 0).await;
    let variant = fixture.variant(&[(shop, 1)]).await;
    for (rows, path, field) in [
        ("location", format!("/v1/inventory/locations/{shop}"), "priority"),
        ("stock_item", format!("/v1/inventory/items/{variant}/{shop}"), "safety_stock"),
    ] {
        let version = fixture.client.get(&path).send().await.expect(200).version();
        let change = |number: i64| fixture.client.patch(&path).if_match(version).json(&json!({ field: number })).send();
        let (one, other) = fixture.both(rows, change(3), change(4)).await;
        let mut statuses = [one.status, other.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 412], "{rows}");
        let made = if one.status == 200 { one } else { other };
        assert_eq!(fixture.client.get(&path).send().await.expect(200).json, made.json);
    }
}
