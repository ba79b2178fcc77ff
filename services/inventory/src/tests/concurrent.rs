//! Concurrent changes of the same rows: the second waits for the first and then sees its result.

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

    /// Runs both concurrently: both wait for the row locks before either gets them.
    async fn both<A, B>(&self, rows: &str, one: impl Future<Output = A>, other: impl Future<Output = B>) -> (A, B) {
        let mut holder = self.locked(rows).await;
        let unlock = async {
            queue(&mut holder, 2).await;
            sqlx::query("rollback").execute(&mut holder).await.unwrap();
        };
        let (one, other, ()) = join3(one, other, unlock).await;
        (one, other)
    }
}

fn reason<T>(outcome: Result<T, Fault>) -> Option<String> {
    outcome.err().map(|fault| fault.reason.to_string())
}

/// Locks are taken in one order, items before lines. Otherwise a new hold and a request that ends an expired hold would deadlock.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_hold_and_an_ending_hold_do_not_deadlock() {
    let fixture = fixture().await;
    let shop = fixture.location("BLR", 0).await;
    let variant = fixture.variant(&[(shop, 1)]).await;
    let hold = fixture.take(variant, 1).await.unwrap();
    let mut holder = fixture.locked("stock_item").await;
    sqlx::query("delete from timer").execute(&mut fixture.env.superuser().await).await.unwrap();
    fixture.env.clock.advance(TimeDelta::seconds(600));
    let release_after_the_hold = async {
        queue(&mut holder, 1).await;
        let unlock = async {
            queue(&mut holder, 2).await;
            sqlx::query("rollback").execute(&mut holder).await.unwrap();
        };
        join(fixture.release(&hold.hold_id), unlock).await.0
    };
    let (bought, released) = join(fixture.take(variant, 1), release_after_the_hold).await;
    assert_eq!((bought.unwrap().status(), released.unwrap().status()), (proto::HoldStatus::Active, proto::HoldStatus::Expired));
    assert_eq!(fixture.levels(variant, shop).await, [1, 0, 1, 0]);
    assert!(fixture.breaches().await.is_empty());
}

/// The second request must be answered with the hold's final status and not with an internal error.
#[tokio::test(flavor = "multi_thread")]
async fn concurrent_commit_and_release_have_one_outcome() {
    let fixture = fixture().await;
    let shop = fixture.location("BLR", 0).await;
    let variant = fixture.variant(&[(shop, 1)]).await;
    let hold = fixture.take(variant, 1).await.unwrap();
    let (commit, release) =
        fixture.both("hold", fixture.commit(&hold.hold_id, fixture.id()), fixture.release(&hold.hold_id)).await;
    let outcomes = (reason(commit), release.unwrap().status());
    let expected = [(None, proto::HoldStatus::Committed), (Some("hold_expired".to_owned()), proto::HoldStatus::Released)];
    assert!(expected.contains(&outcomes), "{outcomes:?}");
    assert!(fixture.breaches().await.is_empty());
}

/// An order's units are summed while the item is locked. Otherwise it could ship units of another order of the same item.
#[tokio::test(flavor = "multi_thread")]
async fn concurrent_shipments_stay_within_the_allocation() {
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
    let mut outcomes = [reason(one), reason(other)];
    outcomes.sort_unstable();
    assert_eq!(outcomes, [None, Some("allocation_exceeded".to_owned())]);
    assert_eq!(fixture.levels(variant, shop).await, [18, 11, 0, 7]);
    assert!(fixture.breaches().await.is_empty());
}

/// A count sets the units on hand to the counted number, even while another count runs.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_concurrent_counts_the_last_one_holds() {
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

/// Of two writers that read the same version, only one may succeed. Otherwise an acknowledged change would be lost.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_concurrent_updates_of_a_version_one_succeeds() {
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
