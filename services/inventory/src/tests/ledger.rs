//! What a hold's life leaves behind: its movements, and no timer once it has ended.

use bloom_contract_inventory as proto;
use bloom_events::Publish as _;
use bloom_kernel::{OrderId, Timestamp, VariantId};
use chrono::TimeDelta;
use serde_json::{Value, json};

use super::{Fixture, fixture};
use crate::hold::HOLD_EXPIRE;

impl Fixture {
    /// Kind, deltas and actor of the variant's movements, oldest first, without the count that it began with.
    async fn ledger(&self, variant: VariantId) -> Vec<Value> {
        let listed = self.client.get(&format!("/v1/inventory/movements?variant_id={variant}&limit=100")).send().await.expect(200);
        let movements = listed.json["data"].as_array().unwrap().iter().rev().skip(1);
        let told = ["kind", "on_hand_delta", "allocated_delta", "held_delta", "actor"];
        movements.map(|movement| told.iter().map(|field| movement[field].clone()).collect()).collect()
    }

    /// When the timers of holds run, by the hold's id.
    async fn timers(&self) -> Vec<(String, Timestamp)> {
        let timers = sqlx::query_as("select key, run_at from timer order by key");
        timers.fetch_all(&mut self.env.superuser().await).await.unwrap()
    }

    fn second(&self) {
        self.env.clock.advance(TimeDelta::seconds(1));
    }
}

/// Lost would be what a merchant reads the ledger for: why units moved, and who asked.
#[tokio::test]
async fn the_ledger_says_why_units_moved_and_who_asked() {
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
    let told = [
        json!(["held", 0, 0, 3, "test"]),
        json!(["allocated", 0, 3, -3, "test"]),
        json!(["shipped", -2, -2, 0, "test"]),
        json!(["released", 0, -1, 0, "test"]),
        json!(["held", 0, 0, 4, "test"]),
        json!(["hold_released", 0, 0, -4, "test"]),
    ];
    assert_eq!(fixture.ledger(variant).await, told);
}

/// Lost would be the difference between what was given back and what ran out, whoever notices first.
#[tokio::test]
async fn the_ledger_says_which_holds_ran_out() {
    let fixture = fixture().await;
    let shop = fixture.location("A", 0).await;
    let noticed: [&str; 2] = ["by a buyer", "when it was given back"];
    for by in noticed {
        let variant = fixture.variant(&[(shop, 1)]).await;
        fixture.second();
        let hold = fixture.take(variant, 1).await.unwrap();
        // Its timer is late.
        sqlx::query("delete from timer").execute(&mut fixture.env.superuser().await).await.unwrap();
        fixture.env.clock.advance(TimeDelta::seconds(600));
        let active = fixture.client.get("/v1/inventory/holds?status=active").send().await.expect(200);
        assert_eq!(active.json["data"], json!([]), "over at its very moment");
        let mut told = vec![json!(["held", 0, 0, 1, "test"]), json!(["hold_expired", 0, 0, -1, "test"])];
        if by == noticed[0] {
            let next = fixture.take(variant, 1).await.unwrap();
            told.push(json!(["held", 0, 0, 1, "test"]));
            fixture.release(&next.hold_id).await.unwrap();
            told.push(json!(["hold_released", 0, 0, -1, "test"]));
        }
        assert_eq!(fixture.release(&hold.hold_id).await.unwrap().status(), proto::HoldStatus::Expired);
        let mut found = fixture.ledger(variant).await;
        // Those of one moment are in no order.
        found.sort_by_key(|movement| told.iter().position(|other| other == movement));
        assert_eq!(found.len(), told.len(), "{by}: {found:?}");
        for movement in told {
            assert!(found.contains(&movement), "{by}: {found:?}");
        }
    }
}

/// Lost would be a wake-up for nothing after every purchase, and for an extended hold one that comes too early and is tried again
/// and again.
#[tokio::test]
async fn a_hold_has_a_timer_at_its_end_and_none_when_it_has_ended() {
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

/// Lost would be rest: a timer that had begun to run when its hold was committed would be tried again for ever.
#[tokio::test]
async fn a_timer_that_comes_after_the_end_is_done() {
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
