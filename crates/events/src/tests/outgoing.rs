//! A commit writes all its events and timers in order, however many of each kind, or none.

use bloom_db::TenantTx;
use bloom_fault::Fault;
use bloom_testkit::TestEnv;
use chrono::TimeDelta;
use serde_json::json;
use sqlx::Row as _;

use crate::Publish as _;
use crate::publish::DATA_BYTES;
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

#[tokio::test]
async fn a_failed_part_leaves_no_events_and_the_rest_commits() {
    let pair = pair(Bus::in_process()).await;
    let bench = &pair.alpha;
    let mut tx = bench.db.write(&bench.call()).await.unwrap();
    publish_range(bench, &mut tx, 0..1).await;
    set(bench, &mut tx, "before", 1);
    let refused = tx.part(async |tx| {
        // More than is kept in memory: these rows are in the table when the part fails.
        publish_range(bench, tx, 1..1_500).await;
        set(bench, tx, "before", 2);
        set(bench, tx, "within", 2);
        tx.after_commit(|| panic!("the part was undone"));
        Err::<(), _>(Fault::not_found("thing"))
    });
    assert_eq!(refused.await.unwrap_err().reason, "not_found");
    let too_large = tx.part(async |tx| {
        tx.publish_document("thing.changed".to_owned(), "thing".to_owned(), 1, &"x".repeat(DATA_BYTES));
        Ok(())
    });
    assert_eq!(too_large.await.unwrap_err().reason, "document_too_large");
    tx.part(async |tx| {
        publish_range(bench, tx, 7..8).await;
        set(bench, tx, "after", 1);
        Ok(())
    })
    .await
    .unwrap();
    tx.commit().await.unwrap();
    assert_eq!(written(bench).await, (vec![0, 7], named(&["after", "before"], 1)));
}

#[tokio::test]
async fn a_document_that_is_too_large_is_refused_with_its_code() {
    let pair = pair(Bus::in_process()).await;
    let bench = &pair.alpha;
    let mut tx = bench.db.write(&bench.call()).await.unwrap();
    tx.publish_document("thing.changed".to_owned(), "thing".to_owned(), 1, &"x".repeat(DATA_BYTES));
    assert_eq!(tx.flush_if_large().await.map_err(|fault| fault.reason.to_string()), Ok(()), "it waits for the commit");
    assert_eq!(tx.commit().await.unwrap_err().reason, "document_too_large");
    let mut write = bench.db.write_once(&bench.call());
    write.publish_document("thing.changed".to_owned(), "thing".to_owned(), 1, &"x".repeat(DATA_BYTES));
    let error = write.open().await.err().expect("it is refused");
    assert_eq!(Fault::from(error).reason, "document_too_large");
    assert_eq!(written(bench).await.0, Vec::<i64>::new());
}
