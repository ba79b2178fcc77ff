//! Lines that the database refuses, and imports that run at the same time.

use std::time::Duration;

use chrono::TimeDelta;
use serde_json::json;
use sqlx::{PgConnection, Row as _};

use super::{counts, fixture, line, ndjson};
use crate::tests::{text, with};

/// Counts the statements that write products, those that are rolled back included.
async fn count_writes(conn: &mut PgConnection) {
    let counter = "create sequence writes;
        create function count_write() returns trigger language plpgsql security definer set search_path from current
            as $$ begin perform nextval('writes'); return null; end $$;
        create trigger count_write before insert on product for each statement execute function count_write()";
    sqlx::raw_sql(counter).execute(conn).await.unwrap();
}

async fn writes(conn: &mut PgConnection) -> i64 {
    sqlx::query("select nextval('writes')").fetch_one(conn).await.unwrap().get::<i64, _>(0) - 1
}

#[tokio::test]
async fn concurrent_imports_of_the_same_products_all_succeed() {
    let (fixture, owners) = fixture().await;
    let file = || ndjson((1..=400).map(|nr| with(line(nr), json!({ "categories": null }))));
    let (mut lock_holder, mut conn) = (fixture.env.superuser().await, fixture.env.superuser().await);
    count_writes(&mut conn).await;
    // All three have searched for the products and found none before the first may write.
    sqlx::raw_sql("begin; lock table product in share mode").execute(&mut lock_holder).await.unwrap();
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(fixture.send(file()).await.expect(202).id());
    }
    let waiting = "select count(*) from pg_locks where relation = 'product'::regclass and not granted";
    let mut polls = 0..3_000;
    while sqlx::query(waiting).fetch_one(&mut conn).await.unwrap().get::<i64, _>(0) < 3 {
        assert!(polls.next().is_some(), "the imports do not reach the lock");
        // Real time: the imports run beside the test, which polls until each waits for the lock.
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    sqlx::raw_sql("commit").execute(&mut lock_holder).await.unwrap();
    let mut made = Vec::new();
    for id in &ids {
        let job = fixture.ended(id).await;
        let [lines, applied, failed, created, updated] = counts(&job);
        assert_eq!((lines, applied, failed, created + updated), (400, 400, 0, 400), "{job}");
        made.push(created);
    }
    made.sort_unstable();
    assert_eq!(made, [0, 0, 400]);
    assert_eq!(writes(&mut conn).await, 5, "the first wrote once, the others again after reading its rows");
    assert_eq!(fixture.titles("limit=100").await.len(), 400);
    assert_eq!(owners.state.lock().unwrap().prices.len(), 400);
    fixture.assert_invariants().await;
}

#[tokio::test]
async fn a_line_refused_by_the_database_is_found_by_bisection() {
    let (fixture, owners) = fixture().await;
    let pair = json!({ "external_id": "P", "title": "Pair", "options": [{ "name": "N", "values": ["1", "2"] }], "variants": [
        { "sku": "A", "external_id": "VA", "options": { "N": "1" } }, { "sku": "B", "external_id": "VB", "options": { "N": "2" } }] });
    assert_eq!(counts(&fixture.import([pair]).await), [1, 1, 0, 1, 0]);
    // Option values are swapped, which a unique index refuses row by row.
    let swapped = json!({ "external_id": "P", "variants": [
        { "sku": "A", "options": { "N": "2" } }, { "sku": "B", "options": { "N": "1" } }] });
    let mut conn = fixture.env.superuser().await;
    count_writes(&mut conn).await;
    // A line that the catalogue itself refuses is reported without bisection.
    let untitled = with(line(99), json!({ "title": "" }));
    let lines = (1..=63).map(line).chain([swapped]).chain((64..=98).map(line)).chain([untitled]);
    let job = fixture.import(lines).await;
    assert_eq!(counts(&job), [100, 100, 2, 98, 0]);
    let mut report = fixture.report(&text(&job["id"])).await;
    report.sort_unstable();
    let report: Vec<_> = report.iter().map(|(line, _, code)| (*line, code.as_str())).collect();
    assert_eq!(report, [(64, "taken"), (100, "length")]);
    let writes = writes(&mut conn).await;
    assert!(writes <= 2 + 2 * 7, "{writes} writes for one bad line among a hundred");
    {
        let state = owners.state.lock().unwrap();
        assert_eq!((state.prices.len(), state.stock.len()), (98, 98), "prices and stock of every applied line");
    }
    // Parts that were rolled back have published nothing.
    let count = "select (select count(*) from outbox where kind = 'category.created') - (select count(*) from category)";
    let unmatched: i64 = sqlx::query_scalar(count).fetch_one(&mut conn).await.unwrap();
    assert_eq!(unmatched, 0, "each category has one event");
    fixture.assert_invariants().await;
}

#[tokio::test]
async fn a_deadlock_is_retried_and_not_reported() {
    let (fixture, owners) = fixture().await;
    // The first two writes fail with a deadlock. A sequence is not rolled back.
    let trigger = "create sequence deadlocks;
        create function raise_deadlock() returns trigger language plpgsql security definer set search_path from current as $$
            begin if nextval('deadlocks') <= 2 then raise deadlock_detected; end if; return null; end $$;
        create trigger raise_deadlock before insert on product for each statement execute function raise_deadlock()";
    sqlx::raw_sql(trigger).execute(&mut fixture.env.superuser().await).await.unwrap();
    let id = fixture.send(line(1).to_string()).await.expect(202).id();
    for _ in 0..200 {
        // Real time: the worker runs beside the test, which polls until it has ended.
        tokio::time::sleep(Duration::from_millis(50)).await;
        if fixture.job(&id).await["status"] != "running" {
            break;
        }
        fixture.env.clock.advance(TimeDelta::seconds(20));
    }
    let job = fixture.ended(&id).await;
    assert_eq!(counts(&job), [1, 1, 0, 1, 0], "{:?}", fixture.report(&id).await);
    assert_eq!(owners.state.lock().unwrap().prices.len(), 1);
    fixture.assert_invariants().await;
}
