//! The database stops and starts again; the services recover without a restart.

use std::path::Path;
use std::time::{Duration, Instant};

use bloom::SERVICES;
use bloom::fleet::{Fleet, FleetOptions};
use bloom_pgdev::{Cluster, Options};
use reqwest::Method;
use serde_json::json;

use crate::fleet::{self, Running};
use crate::shop::{Answer, eventually, send};
use crate::trade::{Trade, text};

/// A separate PostgreSQL server, because the test stops it.
fn cluster() -> Cluster {
    Cluster::open(&Path::new(env!("CARGO_MANIFEST_DIR")).join(".."), "outage")
}

async fn start() -> String {
    let started = tokio::task::spawn_blocking(|| cluster().start(&Options::volatile())).await.expect("it is not cut off");
    started.expect("the server starts").url("postgres", "postgres")
}

async fn stop() {
    let stopped = tokio::task::spawn_blocking(|| cluster().stop()).await.expect("it is not cut off");
    stopped.expect("the server stops");
}

#[test]
fn services_recover_from_a_database_outage() {
    fleet::alone(async {
        let settings = fleet::settings_on(&start().await, "outage").await;
        Fleet::migrate(SERVICES, &settings, "").await.expect("the migrations run");
        let fleet = Fleet::start(SERVICES, &settings, FleetOptions::default()).await.expect("the fleet starts");
        let running = Running::within(&fleet, settings);
        let trade = Trade::open(&running, &[("A", 1_000, 10)]).await;
        let basket = trade.basket(&[("A", 1)]).await;
        let key = trade.post("/v1/identity/api-keys", &json!({ "kind": "secret", "name": "Not seen yet" })).await.expect(201);
        let unseen = text(&key.body["secret"]);

        stop().await;
        let get = |path: &str| send(trade.secret(Method::GET, path));
        unavailable("a list", get("/v1/catalog/products")).await;
        unavailable("an order", get("/v1/orders/ord_01jd6zv4x8e5yag7k3m2n9p0qr")).await;
        let write = trade.secret(Method::POST, "/v1/catalog/categories").json(&json!({ "name": "Brakes" }));
        unavailable("a write", send(write.header("idempotency-key", "brakes"))).await;
        unavailable("a purchase", trade.buy(&basket, "tok_success", "buy")).await;
        unavailable("a key that no gateway remembers", send(trade.anonymous(Method::GET, "/v1/orders").bearer_auth(&unseen)))
            .await;
        assert_eq!(send(trade.anonymous(Method::GET, "/livez")).await.status, 200, "alive all the same");

        start().await;
        eventually("it is as before", async || (get("/v1/catalog/products").await.status == 200).then_some(())).await;
        trade.post("/v1/catalog/categories", &json!({ "name": "Brakes" })).await.expect(201);
        let bought = eventually("the purchase goes through", async || {
            let answer = trade.buy(&basket, "tok_success", "buy").await;
            (answer.status < 500).then_some(answer)
        })
        .await;
        assert_eq!(bought.expect(201).body["status"], "completed");
        eventually("every service answers", async || running.reachable().await.then_some(())).await;
        running.check().await;
        fleet.stop().await.expect("the fleet stops cleanly");
        stop().await;
        cluster().erase().expect("the server is deleted");
    });
}

async fn unavailable(what: &str, request: impl Future<Output = Answer>) {
    let began = Instant::now();
    let answer = request.await;
    let took = began.elapsed();
    assert_eq!(answer.status, 503, "{what}: {:#}", answer.body);
    assert_eq!(answer.header("content-type"), "application/problem+json", "{what}");
    assert!(!answer.header("retry-after").is_empty(), "{what} says when to come back");
    assert!(took < Duration::from_secs(1), "{what} took {took:?}");
}
