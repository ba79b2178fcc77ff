//! Daily partitions of outbox and inbox are created ahead, kept as long as needed, then dropped.

use bloom_testkit::TestEnv;
use chrono::TimeDelta;

use crate::Bus;
use crate::shard::SHARDS;
use crate::store::outbox::partitions_keep;
use crate::tests::fixture::pair;

async fn keep(bench: &TestEnv, floors: Option<i64>) -> Vec<String> {
    let floors = floors.map(|floor| [floor; SHARDS]);
    let mut tx = bench.db.system().await.unwrap();
    let dropped = partitions_keep(&mut tx, bench.clock.time(), 3, 14, floors.as_ref()).await.unwrap();
    tx.commit().await.unwrap();
    dropped
}

async fn homes(bench: &TestEnv) -> Vec<String> {
    let rows: Vec<(String,)> = sqlx::query_as("select tableoid::regclass::text from outbox order by seq")
        .fetch_all(&mut bench.superuser().await)
        .await
        .unwrap();
    rows.into_iter().map(|row| row.0.rsplit('.').next().unwrap_or_default().to_owned()).collect()
}

#[tokio::test]
async fn partitions_are_dropped_only_when_published_and_read() {
    let pair = pair(Bus::in_process()).await;
    let bench = &pair.alpha;
    pair.change("early").await;
    assert_eq!(homes(bench).await, ["outbox_default"]);
    assert!(keep(bench, None).await.is_empty());
    pair.change("today").await;
    assert_eq!(homes(bench).await, ["outbox_20260105", "outbox_20260105"], "the safety net was emptied");

    bench.clock.advance(TimeDelta::days(10));
    let dropped = keep(bench, None).await;
    assert!(!dropped.contains(&"outbox_20260105".to_owned()), "unpublished events are kept: {dropped:?}");
    assert!(dropped.contains(&"outbox_20260106".to_owned()));
    assert_eq!(pair.relay().round().await.unwrap(), 2);
    assert!(keep(bench, Some(0)).await.is_empty(), "a consumer has yet to read them");
    assert_eq!(keep(bench, Some(2)).await, ["outbox_20260105"]);
    bench.clock.advance(TimeDelta::days(5));
    assert_eq!(keep(bench, None).await[..1], ["inbox_20260105".to_owned()]);
    assert!(homes(bench).await.is_empty());
}

#[tokio::test]
async fn serving_roles_cannot_access_partitions_directly() {
    let pair = pair(Bus::in_process()).await;
    keep(&pair.alpha, None).await;
    let open: Vec<(String,)> = sqlx::query_as(
        "select c.relname::text from pg_class c join pg_inherits i on i.inhrelid = c.oid
         where c.relkind = 'r' and c.relnamespace = current_schema()::regnamespace
           and (not c.relrowsecurity or not c.relforcerowsecurity or c.relacl is not null)",
    )
    .fetch_all(&mut pair.alpha.superuser().await)
    .await
    .unwrap();
    assert!(open.is_empty(), "{open:?}");
}
