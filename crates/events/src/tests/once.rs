//! A single-statement transaction commits the change, its events and its timers together or not at all, and only for
//! one tenant, whichever tenant used the connection before.

use std::time::Duration;

use bloom_db::WriteOnce;
use bloom_db::{seal, write_once};
use bloom_fault::Code;
use bloom_kernel::{SubjectId, TenantId};
use bloom_runtime::RequestContext;
use bloom_testkit::TestEnv;
use chrono::TimeDelta;
use futures::FutureExt as _;
use sqlx::Row as _;

use crate::Publish as _;
use crate::tests::fixture::pair;
use crate::{Bus, Draft, publish};

const KIND: &str = "thing.expire";

/// Changes a subject's row to this year, if it exists.
async fn change(write: WriteOnce<'_>, subject: SubjectId, year: i64) -> Result<Option<i64>, sqlx::Error> {
    write_once!(
        write,
        "changed as (
             update subject_key set created_at = make_timestamptz($5::bigint::int, 1, 1, 0, 0, 0)
             where tenant_id = $1 and subject_id = $4
             returning $5::bigint as answer
         )",
        subject.uuid(),
        year,
    )
}

/// Creates a subject in the tenant's service.
async fn known(bench: &TestEnv, tenant: TenantId) -> SubjectId {
    let subject = bench.host.id(tenant);
    let mut tx = bench.db.write(&RequestContext { tenant, ..bench.call() }).await.unwrap();
    seal::seal(&mut tx, &bench.host, subject, "name", b"x").await.unwrap();
    tx.commit().await.unwrap();
    subject
}

fn draft(version: i64) -> Draft<'static> {
    Draft { kind: "thing.changed", aggregate: "thing".to_owned(), version, data: &(), causation: None }
}

/// Publishes one event, sets one timer and removes one.
async fn publish_one(bench: &TestEnv, write: &mut WriteOnce<'_>, version: i64) {
    publish(write, &bench.host, &bench.call(), draft(version)).await.unwrap();
    let run_at = bench.clock.time() + TimeDelta::hours(1);
    write.schedule(KIND, &format!("of {version}"), run_at, &());
    write.unschedule(KIND, &format!("of {}", version - 1));
}

/// Versions of the events, keys of the timers, years of the subjects.
async fn written(bench: &TestEnv) -> (Vec<i64>, Vec<String>, Vec<i32>) {
    let mut conn = bench.superuser().await;
    let events = sqlx::query("select version from outbox order by seq").fetch_all(&mut conn).await.unwrap();
    let timers = sqlx::query("select key from timer order by key").fetch_all(&mut conn).await.unwrap();
    let years = "select extract(year from created_at at time zone 'UTC')::int as year from subject_key order by year";
    let years = sqlx::query(years).fetch_all(&mut conn).await.unwrap();
    (
        events.iter().map(|row| row.get("version")).collect(),
        timers.iter().map(|row| row.get("key")).collect(),
        years.iter().map(|row| row.get("year")).collect(),
    )
}

fn keys(keys: &[&str]) -> Vec<String> {
    keys.iter().map(|key| (*key).to_owned()).collect()
}

#[tokio::test]
async fn change_events_and_timers_commit_together() {
    let pair = pair(Bus::in_process()).await;
    let (bench, call) = (&pair.alpha, pair.alpha.call());
    let subject = known(bench, bench.tenant).await;
    for (version, year) in [(1, 2001), (2, 2002)] {
        let mut write = bench.db.write_once(&call);
        publish_one(bench, &mut write, version).await;
        assert_eq!(change(write, subject, year).await.unwrap(), Some(year));
    }
    let stands = (vec![1, 2], keys(&["of 2"]), vec![2002]);
    assert_eq!(written(bench).await, stands);
    let mut write = bench.db.write_once(&call);
    publish_one(bench, &mut write, 3).await;
    assert_eq!(change(write, bench.host.id(bench.tenant), 2003).await.unwrap(), None, "the id is unknown");
    let mut write = bench.db.write_once(&call);
    publish_one(bench, &mut write, 3).await;
    change(write, subject, 0).await.expect_err("there is no year 0");
    assert_eq!(written(bench).await, stands, "no event was published and no timer removed for a change that did not happen");
}

#[tokio::test]
async fn a_transaction_may_contain_or_end_with_the_statement() {
    let pair = pair(Bus::in_process()).await;
    let (bench, call) = (&pair.alpha, pair.alpha.call());
    let (one, two) = (known(bench, bench.tenant).await, known(bench, bench.tenant).await);
    let unknown = bench.host.id(bench.tenant);
    let mut tx = bench.db.write(&call).await.unwrap();
    let mut write = tx.step();
    publish_one(bench, &mut write, 1).await;
    assert_eq!(change(write, one, 2001).await.unwrap(), Some(2001));
    assert_eq!(change(tx.step(), unknown, 2001).await.unwrap(), None, "and the transaction continues");
    assert_eq!(change(tx.step(), two, 2002).await.unwrap(), Some(2002));
    tx.commit().await.unwrap();
    assert_eq!(written(bench).await, (vec![1], keys(&["of 1"]), vec![2001, 2002]));

    for (last, kept) in [(unknown, false), (two, true)] {
        let before = written(bench).await;
        let mut tx = bench.db.write(&call).await.unwrap();
        assert_eq!(change(tx.step(), one, 2005).await.unwrap(), Some(2005));
        publish(&mut tx, &bench.host, &call, draft(2)).await.unwrap();
        let mut write = tx.last();
        publish_one(bench, &mut write, 3).await;
        assert_eq!(change(write, last, 2006).await.unwrap().is_some(), kept);
        if kept {
            assert_eq!(written(bench).await, (vec![1, 2, 3], keys(&["of 1", "of 3"]), vec![2005, 2006]));
        } else {
            assert_eq!(written(bench).await, before, "an end that does not come about leaves nothing of what was before it");
        }
    }
}

#[tokio::test]
async fn earlier_events_precede_those_of_the_statement() {
    let pair = pair(Bus::in_process()).await;
    let (bench, call) = (&pair.alpha, pair.alpha.call());
    let subject = known(bench, bench.tenant).await;
    let mut tx = bench.db.write(&call).await.unwrap();
    publish(&mut tx, &bench.host, &call, draft(1)).await.unwrap();
    tx.unschedule(KIND, "again");
    let mut write = tx.step();
    publish(&mut write, &bench.host, &call, draft(2)).await.unwrap();
    write.schedule(KIND, "again", bench.clock.time(), &());
    assert_eq!(change(write, subject, 2001).await.unwrap(), Some(2001));
    publish(&mut tx, &bench.host, &call, draft(3)).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(written(bench).await, (vec![1, 2, 3], keys(&["again"]), vec![2001]));
}

#[tokio::test]
async fn a_commit_wakes_its_tasks_and_moves_a_timer() {
    let pair = pair(Bus::in_process()).await;
    let (bench, call) = (&pair.alpha, pair.alpha.call());
    let (subject, unknown) = (known(bench, bench.tenant).await, bench.host.id(bench.tenant));
    let notified = || {
        let wake = bench.db.wake();
        (wake.outbox.notified().now_or_never().is_some(), wake.timers.notified().now_or_never().is_some())
    };
    notified();
    for (at, who, woken) in [(60, unknown, (false, false)), (60, subject, (true, false)), (0, subject, (true, true))] {
        let mut write = bench.db.write_once(&call);
        publish(&mut write, &bench.host, &call, draft(at)).await.unwrap();
        write.schedule(KIND, "moved", bench.clock.time() + TimeDelta::seconds(at), &at);
        change(write, who, 2001).await.unwrap();
        assert_eq!(notified(), woken, "{at}");
    }
    let timers = sqlx::query("select key, payload from timer").fetch_all(&mut bench.superuser().await).await.unwrap();
    let timers: Vec<(String, String)> = timers.iter().map(|row| (row.get(0), row.get(1))).collect();
    assert_eq!(timers, [("moved".to_owned(), "0".to_owned())], "one, as it was set last");
}

#[tokio::test]
async fn a_cancelled_write_does_not_return_its_connection() {
    let pair = pair(Bus::in_process()).await;
    let (bench, call) = (&pair.alpha, pair.alpha.call());
    let (held, free) = (known(bench, bench.tenant).await, known(bench, bench.tenant).await);
    let mut holder = bench.superuser().await;
    sqlx::raw_sql("begin").execute(&mut holder).await.unwrap();
    let lock = "select from subject_key where subject_id = $1 for update";
    sqlx::query(lock).bind(held.uuid()).execute(&mut holder).await.unwrap();
    for year in 2001..2009 {
        let cut_off = tokio::time::timeout(Duration::from_millis(20), change(bench.db.write_once(&call), held, year)).await;
        cut_off.expect_err("it waits for the row");
        let next = tokio::time::timeout(Duration::from_secs(5), change(bench.db.write_once(&call), free, year)).await;
        assert_eq!(next.expect("it does not wait").unwrap(), Some(year));
    }
    sqlx::raw_sql("rollback").execute(&mut holder).await.unwrap();
}

#[tokio::test]
async fn a_write_affects_one_tenant_and_resets_the_connection() {
    let pair = pair(Bus::in_process()).await;
    let bench = &pair.alpha;
    let (own, foreign) = (known(bench, bench.tenant).await, known(bench, bench.other_tenant).await);
    for turn in 0..64 {
        let (tenant, mine, theirs) =
            if turn % 2 == 0 { (bench.tenant, own, foreign) } else { (bench.other_tenant, foreign, own) };
        let call = RequestContext { tenant, ..bench.call() };
        assert_eq!(change(bench.db.write_once(&call), theirs, 2050).await.unwrap(), None);
        assert_eq!(change(bench.db.write_once(&call), mine, 2030).await.unwrap(), Some(2030));
    }
    assert_eq!(written(bench).await.2, [2030, 2030]);
}

#[tokio::test]
async fn a_broken_connection_fails_at_most_one_request() {
    let pair = pair(Bus::in_process()).await;
    let (bench, call) = (&pair.alpha, pair.alpha.call());
    let subject = known(bench, bench.tenant).await;
    for (pause, most) in [(0, 1), (150, 0)] {
        let all = (0..4).map(|_| bench.db.read(bench.tenant));
        let mut lines = futures::future::try_join_all(all).await.unwrap();
        let mut backends: Vec<i32> = Vec::new();
        for line in &mut lines {
            backends.push(sqlx::query_scalar("select pg_backend_pid()").fetch_one(&mut **line).await.unwrap());
        }
        drop(lines);
        let kill = "select pg_terminate_backend(pid, 5000) from unnest($1::int4[]) pid";
        sqlx::query(kill).bind(backends).execute(&mut bench.superuser().await).await.unwrap();
        // Real time: the pool checks a connection that was idle for more than 100 ms.
        tokio::time::sleep(Duration::from_millis(pause)).await;
        let mut refused = 0;
        for year in 2001..2009 {
            match change(bench.db.write_once(&call), subject, year).await {
                Ok(changed) => assert_eq!(changed, Some(year)),
                Err(error) => {
                    assert_eq!(bloom_fault::Fault::from(error).code, Code::Unavailable);
                    refused += 1;
                }
            }
        }
        assert!(refused <= most, "{refused} were refused after {pause} ms");
    }
}
