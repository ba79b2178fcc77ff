//! Rebuilds a projection from its sources' state.

use bloom_contract_platform::ReplayRequest;
use bloom_contract_platform::platform_client::PlatformClient;
use bloom_web::Service;
use tokio::task::JoinSet;

use crate::tests::fixture::{Pair, eventually, pair};
use crate::{Bus, Handler as _};

/// Makes the platform RPCs of both services reachable from each other.
async fn open(pair: &Pair) {
    for (bench, name, platform) in
        [(&pair.alpha, pair.source, pair.publisher().platform()), (&pair.beta, "beta", pair.events.platform())]
    {
        bench
            .open(|host, db| {
                let mut service = Service::new(name, host, db, aide::axum::ApiRouter::new());
                service.grpc = tonic::service::Routes::new(platform);
                Ok(service)
            })
            .await;
    }
}

async fn spoil(pair: &Pair) {
    let sql = "update projection set value = 'wrong' where id = 'thing-1'; delete from projection where id = 'thing-2'";
    sqlx::raw_sql(sql).execute(&mut pair.beta.superuser().await).await.unwrap();
    assert_ne!(pair.rows(&pair.alpha, "source").await, pair.rows(&pair.beta, "projection").await);
}

async fn order_replay(pair: &Pair) -> i32 {
    let mut client = PlatformClient::new(pair.beta.host.peers.get("beta"));
    let request = ReplayRequest { consumer: pair.handler.consumer().to_owned() };
    client.replay(pair.alpha.host.request(&pair.alpha.call(), request)).await.unwrap().into_inner().generation
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_restores_the_projection_while_events_flow() {
    run(pair(Bus::in_process()).await).await;
}

pub(super) async fn run(pair: Pair) {
    open(&pair).await;
    let mut tasks = JoinSet::new();
    pair.start(&mut tasks).await;
    for number in 0..30 {
        pair.change(&format!("thing-{}", number % 10)).await;
    }
    pair.drained().await;
    spoil(&pair).await;
    assert_eq!(order_replay(&pair).await, 2);
    for number in 0..30 {
        pair.change(&format!("thing-{}", number % 7)).await;
    }
    pair.drained().await;
    assert_eq!(pair.rows(&pair.alpha, "source").await, pair.rows(&pair.beta, "projection").await);
    // Events after the replay are applied once, ensured by the new generation's inbox.
    pair.change("thing-1").await;
    pair.drained().await;
    let versions = &pair.applied().await["thing-1"];
    assert_eq!(versions.iter().filter(|version| Some(*version) == versions.iter().max()).count(), 1);
    pair.stop(tasks).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_consumer_loads_the_state_published_before_it() {
    let pair = pair(Bus::in_process()).await;
    open(&pair).await;
    for number in 0..10 {
        pair.change(&format!("thing-{number}")).await;
    }
    assert_eq!(pair.relay().round().await.unwrap(), 10);
    // Simulates retention having dropped those events.
    sqlx::raw_sql("delete from outbox").execute(&mut pair.alpha.superuser().await).await.unwrap();
    let mut tasks = JoinSet::new();
    pair.start(&mut tasks).await;
    pair.change("thing-3").await;
    pair.drained().await;
    eventually("the projection equals its source", async || {
        pair.rows(&pair.alpha, "source").await == pair.rows(&pair.beta, "projection").await
    })
    .await;
    pair.stop(tasks).await;
}

#[tokio::test]
async fn an_export_pages_through_everything_in_order() {
    let pair = pair(Bus::in_process()).await;
    for number in 0..25 {
        pair.change(&format!("thing-{number:02}")).await;
    }
    let server = pair.publisher().server();
    let mut after = String::new();
    let mut seen = Vec::new();
    loop {
        let request = bloom_contract_platform::ExportStateRequest { kinds: Vec::new(), after, limit: 10 };
        let page = server.export(request).await.unwrap();
        after = page.last().map(|record| record.cursor.clone()).unwrap_or_default();
        let full = page.len() == 10;
        seen.extend(page.into_iter().map(|record| record.aggregate));
        if !full {
            break;
        }
    }
    let expected: Vec<String> = (0..25).map(|number| format!("thing-{number:02}")).collect();
    assert_eq!(seen, expected);
    let request = |kinds: &[&str], after: &str| bloom_contract_platform::ExportStateRequest {
        kinds: kinds.iter().map(|kind| (*kind).to_owned()).collect(),
        after: after.to_owned(),
        limit: 0,
    };
    assert!(server.export(request(&["other.changed"], "")).await.unwrap().is_empty());
    assert_eq!(server.export(request(&["thing.changed"], "")).await.unwrap().len(), 25);
    assert_eq!(server.export(request(&[], "nonsense")).await.unwrap_err().reason, "invalid_request");
}
