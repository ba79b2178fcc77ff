//! Eight writers, with relays and consumers that are cut off at random moments: no event is lost, applied twice or
//! reordered.

use std::time::Duration;

use tokio::task::JoinSet;

use crate::Bus;
use crate::tests::fixture::{Pair, change, eventually, pair, random};

const WRITERS: usize = 8;
const WRITES: usize = 40;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn order_holds_and_nothing_is_lost() {
    Box::pin(run(pair(Bus::in_process()).await)).await;
}

pub(super) async fn run(pair: Pair) {
    drop(pair.relay());
    // A consumer that starts before anything is published has no state to load.
    tokio::select! {
        _ = pair.consumer().run() => {}
        () = eventually("the consumer begins", async || pair.begun().await) => {}
    }
    let mut writers = JoinSet::new();
    for _ in 0..WRITERS {
        let (db, host, call) = (pair.alpha.db.clone(), pair.alpha.host.clone(), pair.alpha.call());
        writers.spawn(async move {
            for _ in 0..WRITES {
                let id = format!("thing-{}", random(&host) % 12);
                // One transaction in eight is rolled back: its event must never be seen.
                let keep = !random(&host).is_multiple_of(8);
                change(&db, &host, &call, &id, keep).await;
            }
        });
    }
    let mut written = false;
    let mut relays = [None, None];
    while !written || relays.iter().any(Option::is_some) {
        written |= writers.try_join_next().is_some() && writers.is_empty();
        for place in &mut relays {
            *place = (!written).then(|| {
                let mut relay = pair.relay();
                relay.lease = Duration::from_millis(60);
                relay
            });
        }
        // Joining a Kafka consumer group takes a while.
        let unit = if matches!(pair.bus, Bus::InProcess(_)) { 300 } else { 8_000 };
        let cut = Duration::from_micros(5_000 + unit * u64::from(random(&pair.alpha.host)));
        let [one, other] = &mut relays;
        // To the database, dropping the loops at an arbitrary point looks like a kill.
        let _ = Box::pin(tokio::time::timeout(cut, async {
            tokio::join!(
                async {
                    if let Some(relay) = one.take() {
                        let _ = relay.run().await;
                    }
                },
                async {
                    if let Some(relay) = other.take() {
                        let _ = relay.run().await;
                    }
                },
                pair.consumer().run(),
            )
        }))
        .await;
    }
    while let Some(ended) = writers.join_next().await {
        ended.expect("no writer fails");
    }
    let mut tasks = JoinSet::new();
    pair.start(&mut tasks).await;
    pair.drained().await;
    pair.assert_exact().await;
    pair.stop(tasks).await;
}
