//! The platform RPCs of a service.

use tokio::task::JoinSet;

use crate::Bus;
use crate::tests::fixture::pair;

#[tokio::test]
async fn drained_counts_the_pending_work() {
    let pair = pair(Bus::in_process()).await;
    let alpha = pair.publisher().server();
    let beta = pair.events.server();
    pair.change("thing").await;
    pair.change("thing").await;
    assert_eq!(alpha.standing().await.unwrap().outbox, 2);
    assert_eq!(pair.relay().round().await.unwrap(), 2);
    let standing = alpha.standing().await.unwrap();
    assert_eq!((standing.outbox, standing.published), (0, 2));
    assert_eq!(beta.standing().await.unwrap().lag, 1, "a consumer that has not begun counts one");
}

#[tokio::test]
async fn a_lost_event_is_reported_as_a_breach() {
    let pair = pair(Bus::in_process()).await;
    for _ in 0..3 {
        pair.change("thing").await;
    }
    pair.relay().round().await.unwrap();
    let alpha = pair.publisher().server();
    let reply = alpha.check_all().await.unwrap();
    assert_eq!((reply.checked, reply.breaches.len()), (vec!["outbox_gap_free".to_owned()], 0));
    sqlx::raw_sql("delete from outbox where position = 2").execute(&mut pair.alpha.superuser().await).await.unwrap();
    let breaches = alpha.check_all().await.unwrap().breaches;
    assert_eq!(breaches.len(), 1);
    assert_eq!(breaches[0].invariant, "outbox_gap_free");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unwanted_events_advance_the_cursor_without_a_row() {
    let pair = pair(Bus::in_process()).await;
    let mut tasks = JoinSet::new();
    pair.start(&mut tasks).await;
    let mut tx = pair.alpha.db.write(&pair.alpha.call()).await.unwrap();
    let nothing = serde_json::json!({});
    let draft = crate::Draft { kind: "noise.made", aggregate: "n".to_owned(), version: 1, data: &nothing, causation: None };
    crate::publish(&mut tx, &pair.alpha.host, &pair.alpha.call(), draft).await.unwrap();
    tx.commit().await.unwrap();
    pair.drained().await;
    let rows: (i64,) = sqlx::query_as("select count(*) from inbox").fetch_one(&mut pair.beta.superuser().await).await.unwrap();
    assert_eq!(rows.0, 0);
    pair.stop(tasks).await;
    let saved: (i64,) = sqlx::query_as("select coalesce(sum(position), 0)::int8 from consumer_cursor")
        .fetch_one(&mut pair.beta.superuser().await)
        .await
        .unwrap();
    assert_eq!(saved.0, 1, "the cursor is written when the process stops");
}
