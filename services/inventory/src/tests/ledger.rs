//! What a hold leaves behind: its movements, and no timer once it has ended.

use bloom_contract_inventory as proto;
use bloom_events::Publish as _;
use bloom_kernel::{OrderId, Timestamp, VariantId};
use chrono::TimeDelta;
use serde_json::{Value, json};

use super::{Fixture, fixture};
use crate::hold::HOLD_EXPIRE;

impl Fixture {
    /// Kind, deltas and actor of the variant's movements, oldest first, without the initial count.
    async fn ledger(&self, variant: VariantId) -> Vec<Value> {
        let listed = self.client.get(&format!("/v1/inventory/movements?variant_id={variant}&limit=100")).send().await.expect(200);
        let movements = listed.json["data"].as_array().unwrap().iter().rev().skip(1);
        let fields = ["kind", "on_hand_delta", "allocated_delta", "held_delta", "actor"];
        movements.map(|movement| fields.iter().map(|field| movement[field].clone()).collect()).collect()
    }

    /// When the timers of holds are due, by hold id.
    async fn timers(&self) -> Vec<(String, Timestamp)> {
        let timers = sqlx::query_as("select key, run_at from timer order by key");
        timers.fetch_all(&mut self.env.superuser().await).await.unwrap()
    }

    fn second(&self) {
        self.env.clock.advance(TimeDelta::seconds(1));
    }
}

/// A merchant reads in the ledger why units moved and who caused it.
#[tokio::test]
async fn the_ledger_records_kind_and_actor_of_each_movement() {
    let fixture = fixture().await;
    let shop = fixture.location("A", 0).await;
    let variant = fixture.variant(&[(shop, 9)]).await;
    fixture.second();
    let hold = fixture.take(variant, 3).await.unwrap();
    fixture.second();
    let order: OrderId = fixture.id();
    let mut part = fixture.commit(&hold.hold_id, order).await.unwrap();
    for (units, ships) in [(2, true), (1, false)] {
        fixture.second();
        part[0].quantity = units;
        if ships {
            fixture.ship("op-1", order, &part).await.unwrap();
        } else {
            fixture.give_back("op-2", order, &part).await.unwrap();
        }
    }
    fixture.second();
    let hold = fixture.take(variant, 4).await.unwrap();
    fixture.second();
    fixture.release(&hold.hold_id).await.unwrap();
    let expected = [
        json!(["held", 0, 0, 3, "test"]),
        json!(["allocated", 0, 3, -3, "test"]),
        json!(["shipped", -2, -2, 0, "test"]),
        json!(["released", 0, -1, 0, "test"]),
        json!(["held", 0, 0, 4, "test"]),
        json!(["hold_released", 0, 0, -4, "test"]),
    ];
    assert_eq!(fixture.ledger(variant).await, expected);
}

/// The ledger distinguishes released from expired holds, whichever request notices the expiry first.
#[tokio::test]
async fn the_ledger_distinguishes_expired_from_released_holds() {
    let fixture = fixture().await;
    let shop = fixture.location("A", 0).await;
    let noticed: [&str; 2] = ["by a buyer", "when it was given back"];
    for by in noticed {
        let variant = fixture.variant(&[(shop, 1)]).await;
        fixture.second();
        let hold = fixture.take(variant, 1).await.unwrap();
        // The timer has not run yet.
        sqlx::query("delete from timer").execute(&mut fixture.env.superuser().await).await.unwrap();
        fixture.env.clock.advance(TimeDelta::seconds(600));
        let active = fixture.client.get("/v1/inventory/holds?status=active").send().await.expect(200);
        assert_eq!(active.json["data"], json!([]), "over at its very moment");
        let mut expected = vec![json!(["held", 0, 0, 1, "test"]), json!(["hold_expired", 0, 0, -1, "test"])];
        if by == noticed[0] {
            let next = fixture.take(variant, 1).await.unwrap();
            expected.push(json!(["held", 0, 0, 1, "test"]));
            fixture.release(&next.hold_id).await.unwrap();
            expected.push(json!(["hold_released", 0, 0, -1, "test"]));
        }
        assert_eq!(fixture.release(&hold.hold_id).await.unwrap().status(), proto::HoldStatus::Expired);
        let mut found = fixture.ledger(variant).await;
        // Movements of the same time have no defined order.
        found.sort_by_key(|movement| expected.iter().position(|other| other == movement));
        assert_eq!(found.len(), expected.len(), "{by}: {found:?}");
        for movement in expected {
            assert!(found.contains(&movement), "{by}: {found:?}");
        }
    }
}

/// Without this, a timer would run in vain after every purchase, and the timer of an extended hold would run early and be retried
/// again and again.
#[tokio::test]
async fn an_active_hold_has_a_timer_and_an_ended_one_has_none() {
    let fixture = fixture().await;
    let shop = fixture.location("A", 0).await;
    let variant = fixture.variant(&[(shop, 9)]).await;
    let end = |seconds: i64| fixture.env.host.now(fixture.env.tenant) + TimeDelta::seconds(seconds);
    let [extended, committed, released] =
        [fixture.take(variant, 1).await, fixture.take(variant, 1).await, fixture.take(variant, 1).await]
            .map(|hold| hold.unwrap().hold_id);
    let mut timers = [&extended, &committed, &released].map(|hold| (hold.clone(), end(600)));
    timers.sort_unstable();
    assert_eq!(fixture.timers().await, timers);
    fixture.extend(&extended, 900).await.unwrap();
    fixture.commit(&committed, fixture.id()).await.unwrap();
    fixture.release(&released).await.unwrap();
    assert_eq!(fixture.timers().await, [(extended, end(900))]);
}

/// Otherwise a timer that is due while its hold is committed would be retried for ever.
#[tokio::test]
async fn a_timer_after_the_end_of_its_hold_is_completed() {
    let fixture = fixture().await;
    let shop = fixture.location("A", 0).await;
    let variant = fixture.variant(&[(shop, 1)]).await;
    let hold = fixture.take(variant, 1).await.unwrap();
    fixture.commit(&hold.hold_id, fixture.id()).await.unwrap();
    let mut tx = fixture.env.db.write(&fixture.call()).await.unwrap();
    let now = fixture.env.host.now(fixture.env.tenant);
    tx.schedule(HOLD_EXPIRE, &hold.hold_id, now, &());
    tx.commit().await.unwrap();
    fixture.eventually("select 'done' where not exists (select from timer)").await;
    assert_eq!(fixture.levels(variant, shop).await, [1, 1, 0, 0]);
}
