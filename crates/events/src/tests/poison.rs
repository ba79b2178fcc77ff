//! Events that cannot be applied are parked with their followers; other aggregates continue.

use tokio::task::JoinSet;

use crate::Bus;
use crate::envelope::Envelope;
use crate::park::{Which, unpark};
use crate::store::outbox::outbox_pending;
use crate::tests::fixture::{Pair, pair};

async fn pending(pair: &Pair) -> Vec<Envelope> {
    let shards: Vec<i16> = (0..16).collect();
    let mut tx = pair.alpha.db.system().await.unwrap();
    let events = outbox_pending(&mut tx, "alpha", &shards, 1_000).await.unwrap();
    events.into_iter().map(|event| event.envelope).collect()
}

fn refuse(pair: &Pair, id: &str) {
    pair.handler.refusals.poison.lock().unwrap().insert(id.to_owned());
}

async fn parked(pair: &Pair) -> Vec<(String, Option<String>)> {
    let rows: Vec<(String, Option<String>)> = sqlx::query_as("select aggregate, cause from parked order by seq")
        .fetch_all(&mut pair.beta.superuser().await)
        .await
        .unwrap();
    rows
}

#[tokio::test]
async fn duplicates_are_applied_once() {
    let pair = pair(Bus::in_process()).await;
    for id in ["a", "b", "a"] {
        pair.change(id).await;
    }
    let events = pending(&pair).await;
    let twice: Vec<Envelope> = events.iter().chain(&events).cloned().collect();
    let applier = pair.applier();
    applier.apply(twice.clone(), &[]).await.unwrap();
    applier.apply(twice, &[]).await.unwrap();
    pair.assert_exact().await;
}

#[tokio::test]
async fn a_poisoned_aggregate_is_parked_and_others_continue() {
    let pair = pair(Bus::in_process()).await;
    refuse(&pair, "bad");
    for id in ["good", "bad", "good", "bad", "fine"] {
        pair.change(id).await;
    }
    let applier = pair.applier();
    applier.apply(pending(&pair).await, &[]).await.unwrap();
    // Another event of the parked aggregate arrives in a later batch.
    pair.change("bad").await;
    let last = pending(&pair).await.pop().unwrap();
    applier.apply(vec![last], &[]).await.unwrap();
    let versions = pair.applied().await;
    assert_eq!(versions.keys().collect::<Vec<_>>(), ["fine", "good"]);
    assert_eq!(versions["good"], [1, 2]);
    let waiting = parked(&pair).await;
    assert_eq!(waiting.len(), 3);
    assert!(waiting[0].1.as_deref().is_some_and(|cause| cause.contains("asked to refuse")), "{waiting:?}");
    assert_eq!((&waiting[1].1, &waiting[2].1), (&None, &None));

    assert_eq!(unpark(&applier, &Which::default()).await.unwrap(), 0, "it still cannot be applied");
    assert_eq!(parked(&pair).await.len(), 3);
    pair.handler.refusals.poison.lock().unwrap().clear();
    let unknown_aggregate = Which { aggregate: Some("good".to_owned()), ..Which::default() };
    assert_eq!(unpark(&applier, &unknown_aggregate).await.unwrap(), 0);
    assert_eq!(unpark(&applier, &Which::default()).await.unwrap(), 3);
    assert!(parked(&pair).await.is_empty());
    pair.assert_exact().await;
}

#[tokio::test]
async fn panics_and_unknown_shapes_are_parked_too() {
    let pair = pair(Bus::in_process()).await;
    pair.handler.refusals.panics.lock().unwrap().insert("loud".to_owned());
    for id in ["loud", "new", "good"] {
        pair.change(id).await;
    }
    let mut events = pending(&pair).await;
    events[1].schema_version = 2;
    pair.applier().apply(events, &[]).await.unwrap();
    assert_eq!(pair.applied().await.keys().collect::<Vec<_>>(), ["good"]);
    let causes: Vec<String> = parked(&pair).await.into_iter().filter_map(|(_, cause)| cause).collect();
    assert!(causes[0].contains("panicked") && causes[1].contains("schema version 2"), "{causes:?}");
    let thrown = Which { discard: true, ..Which::default() };
    assert_eq!(unpark(&pair.applier(), &thrown).await.unwrap(), 2);
    assert!(parked(&pair).await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_consumer_parks_and_drains_after_a_fix() {
    let pair = pair(Bus::in_process()).await;
    let mut tasks = JoinSet::new();
    pair.start(&mut tasks).await;
    refuse(&pair, "bad");
    for id in ["bad", "good", "bad", "good"] {
        pair.change(id).await;
    }
    pair.drained().await;
    let server = pair.events.server();
    assert_eq!(server.standing().await.unwrap().parked, 2);
    pair.handler.refusals.poison.lock().unwrap().clear();
    unpark(&pair.applier(), &Which::default()).await.unwrap();
    assert_eq!(server.standing().await.unwrap().parked, 0);
    pair.assert_exact().await;
    pair.stop(tasks).await;
}
