//! A commit writes all its events and timers in order, however many of each kind, or none.

use bloom_db::TenantTx;
use bloom_testkit::TestEnv;
use chrono::TimeDelta;
use serde_json::json;
use sqlx::Row as _;

use crate::Publish as _;
use crate::tests::fixture::pair;
use crate::{Bus, Draft, publish};

const KIND: &str = "thing.expire";

/// Publishes events with these numbers.
async fn publish_range(bench: &TestEnv, tx: &mut TenantTx, numbers: std::ops::Range<i64>) {
    for number in numbers {
        let data = json!({ "number": number });
        let draft = Draft { kind: "thing.changed", aggregate: "thing".to_owned(), version: number, data: &data, causation: None };
        publish(tx, &bench.host, &bench.call(), draft).await.unwrap();
        tx.flush_if_large().await.unwrap();
    }
}

fn set(bench: &TestEnv, tx: &mut TenantTx, key: &str, hours: i64) {
    let run_at = bench.clock.time() + TimeDelta::hours(hours);
    tx.schedule(KIND, key, run_at, &json!({ "hours": hours }));
}

/// Versions of the events in order of insertion, and timers by key with their payload.
async fn written(bench: &TestEnv) -> (Vec<i64>, Vec<(String, String)>) {
    let mut conn = bench.superuser().await;
    let events = sqlx::query("select version from outbox order by seq").fetch_all(&mut conn).await.unwrap();
    let timers = sqlx::query("select key, payload, attempts from timer order by key").fetch_all(&mut conn).await.unwrap();
    sqlx::raw_sql("delete from outbox; delete from timer").execute(&mut conn).await.unwrap();
    assert!(timers.iter().all(|row| row.get::<i32, _>("attempts") == 0));
    let timers = timers.iter().map(|row| (row.get("key"), row.get("payload"))).collect();
    (events.iter().map(|row| row.get("version")).collect(), timers)
}

fn named(keys: &[&str], hours: i64) -> Vec<(String, String)> {
    keys.iter().map(|key| ((*key).to_owned(), json!({ "hours": hours }).to_string())).collect()
}

#[tokio::test]
async fn many_events_and_timers_are_written_with_the_commit() {
    let pair = pair(Bus::in_process()).await;
    let bench = &pair.alpha;
    for (events, sets, unsets) in (0..27_usize).map(|shape| (i64::try_from(shape / 9).unwrap(), shape / 3 % 3, shape % 3)) {
        let (new, old) = (&["new-a", "new-b"][..sets], &["old-a", "old-b"][..unsets]);
        let mut before = bench.db.write(&bench.call()).await.unwrap();
        for key in ["old-a", "old-b"] {
            set(bench, &mut before, key, 1);
        }
        before.commit().await.unwrap();
        for kept in [false, true] {
            let mut tx = bench.db.write(&bench.call()).await.unwrap();
            for key in old {
                tx.unschedule(KIND, key);
            }
            publish_range(bench, &mut tx, 0..events).await;
            for key in new {
                set(bench, &mut tx, key, 1);
            }
            if kept {
                tx.commit().await.unwrap();
            } else {
                tx.rollback().await.unwrap();
                let count = "select (select count(*) from outbox) + (select count(*) from timer where key like 'new%')";
                let row = sqlx::query(count).fetch_one(&mut bench.superuser().await).await.unwrap();
                assert_eq!(row.get::<i64, _>(0), 0, "{events} events, {sets} set, {unsets} unset");
            }
        }
        let keys = [new, &["old-a", "old-b"][unsets..]].concat();
        assert_eq!(written(bench).await, ((0..events).collect(), named(&keys, 1)), "{events} events, {sets} set, {unsets} unset");
    }
}

#[tokio::test]
async fn the_last_change_of_a_timer_wins() {
    let pair = pair(Bus::in_process()).await;
    let bench = &pair.alpha;
    let mut tx = bench.db.write(&bench.call()).await.unwrap();
    set(bench, &mut tx, "moved", 1);
    set(bench, &mut tx, "moved", 2);
    set(bench, &mut tx, "taken back", 2);
    tx.unschedule(KIND, "taken back");
    tx.unschedule(KIND, "after all");
    set(bench, &mut tx, "after all", 2);
    tx.commit().await.unwrap();
    assert_eq!(written(bench).await.1, named(&["after all", "moved"], 2));
}

#[tokio::test]
async fn a_large_import_keeps_order_and_bounds_memory() {
    let pair = pair(Bus::in_process()).await;
    let bench = &pair.alpha;
    let mut tx = bench.db.write(&bench.call()).await.unwrap();
    publish_range(bench, &mut tx, 0..2_500).await;
    let row = sqlx::query("select count(*) from outbox").fetch_one(&mut bench.superuser().await).await.unwrap();
    assert_eq!(row.get::<i64, _>(0), 0, "they are not visible before the commit");
    let sent = sqlx::query("select last_value from outbox_seq").fetch_one(&mut bench.superuser().await).await.unwrap();
    assert!((2_000..2_500).contains(&sent.get::<i64, _>(0)), "most are with the database already, the rest is not");
    tx.commit().await.unwrap();
    assert_eq!(written(bench).await.0, (0..2_500).collect::<Vec<_>>());
}
