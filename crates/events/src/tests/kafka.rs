//! The guarantees of the other tests over a real Kafka. Set `BLOOM_TEST_KAFKA` to its address (`deploy/kafka/kafka.sh
//! start`).

use bloom_kernel::OsEntropy;
use bloom_kernel::entropy::base62;
use tokio::task::JoinSet;

use crate::Bus;
use crate::bus::Access;
use crate::park::{Which, unpark};
use crate::tests::fixture::{Pair, named};
use crate::tests::{chaos, replay};

#[expect(clippy::disallowed_methods, reason = "tests are configured by their environment")]
pub(super) fn brokers() -> Option<String> {
    std::env::var("BLOOM_TEST_KAFKA").ok()
}

/// A pair with its own topic; `None` when no Kafka is configured.
pub(super) async fn kafka() -> Option<Pair> {
    let bus = Bus::kafka(Access::open(&brokers()?)).expect("BLOOM_TEST_KAFKA is an address");
    let run = base62(10, &OsEntropy);
    let source = String::leak(format!("alpha-{run}"));
    let consumer = String::leak(format!("beta.projection-{run}"));
    Some(named(bus, source, consumer).await)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn order_holds_and_nothing_is_lost() {
    if let Some(pair) = kafka().await {
        Box::pin(chaos::run(pair)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_restores_equality_while_events_flow() {
    if let Some(pair) = kafka().await {
        replay::run(pair).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_consumer_parks_and_continues() {
    let Some(pair) = kafka().await else { return };
    let mut tasks = JoinSet::new();
    pair.start(&mut tasks).await;
    pair.handler.refusals.poison.lock().unwrap().insert("bad".to_owned());
    for id in ["bad", "good", "bad", "good"] {
        pair.change(id).await;
    }
    pair.drained().await;
    assert_eq!(pair.events.server().standing().await.unwrap().parked, 2);
    pair.handler.refusals.poison.lock().unwrap().clear();
    unpark(&pair.applier(), &Which::default()).await.unwrap();
    pair.assert_exact().await;
    pair.stop(tasks).await;
}
