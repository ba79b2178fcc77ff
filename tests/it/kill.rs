//! Processes are killed at seeded moments, as in a power failure. Every acknowledged write is there afterwards, exactly once.
//!
//! `BLOOM_SEED` chooses the moments; each run prints its seed. The test always starts separate processes with Kafka and Redis,
//! however the other tests run. They need `BLOOM_KAFKA_LIBS`, which `./dev test` and `./dev chaos` set.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bloom::SERVICES;
use bloom::fleet::Fleet;
use bloom::processes::Processes;
use bloom_kernel::Entropy as _;
use bloom_testkit::SeededEntropy;
use futures::future::join_all;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::fleet::{self, Running, variable};
use crate::shop::{Answer, Shop, eventually, within};
use crate::trade::{Basket, Levels, Trade, amount, line, text};

const MOMENTS: usize = 20;
/// More units than the test can sell.
const ON_HAND: i64 = 10_000;

#[test]
fn chaos_twenty_kills_lose_no_acknowledged_write() {
    // The suite runs twice, against both kinds of fleet. This test starts its own fleet, so one run of it is enough.
    if fleet::processes_wanted() || variable("BLOOM_KAFKA_LIBS").is_none() {
        return;
    }
    fleet::alone(async {
        let seed = variable("BLOOM_SEED").and_then(|text| text.parse().ok()).unwrap_or(20_261_123);
        println!("BLOOM_SEED={seed}");
        let settings = fleet::settings("kill").await;
        Fleet::migrate(SERVICES, &settings, "").await.expect("the migrations run");
        let mut ground = fleet::ground(&settings, "kill");
        // Interrupted work is resumed sooner than in production, so that the test is short.
        for (name, value) in [("BLOOM_ORDERS_RESUME_AFTER_S", "1"), ("BLOOM_ORDERS_PROCESSING_TIMEOUT_S", "10")] {
            ground.environment.insert(name.to_owned(), value.to_owned());
        }
        let mut processes = Processes::start(ground).await.expect("the fleet starts");
        let running = Running::beside(&processes, settings);
        let trade = Trade::open(&running, &[("A", 1_000, ON_HAND), ("B", 333, ON_HAND)]).await;
        let mut ledger = Ledger::default();
        for victim in ["inventory", "cart", "payments", "orders"] {
            ledger.bought.push(waits_for(&trade, &mut processes, victim).await);
        }
        let chance = Chance(SeededEntropy::new(seed));
        for moment in 0..MOMENTS {
            let done = tokio::join!(work(&trade, moment), kill_some(&mut processes, &chance, moment)).0;
            ledger.add(done);
        }
        ledger.prove(&trade).await;
        running.check().await;
        processes.stop().await;
    });
}

/// A random generator with a seed.
struct Chance(SeededEntropy);

impl Chance {
    fn below(&self, limit: usize) -> usize {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        usize::try_from(u64::from_le_bytes(bytes) % limit as u64).unwrap_or_default()
    }
}

/// A purchase whose payment takes three seconds, while a service that it needs next is down for five.
async fn waits_for(trade: &Trade, processes: &mut Processes, victim: &str) -> Bought {
    let basket = trade.basket(&[("A", 1), ("B", 2)]).await;
    let key = format!("waits for {victim}");
    let open = trade.buy(&basket, "tok_delay", &key).await.expect(202).body;
    processes.kill(victim);
    // Real time: the processes use their own clocks.
    tokio::time::sleep(Duration::from_secs(5)).await;
    processes.start_service(victim).expect("it starts again");
    processes.ready(victim).await.expect("it is ready again");
    let order = ended(trade, &basket, &open).await;
    assert!(order.is_object(), "{victim}: the purchase went through");
    (basket, key, "tok_delay", order)
}

/// The order of a finished checkout; null when the checkout failed.
async fn ended(trade: &Trade, basket: &Basket, checkout: &Value) -> Value {
    let path = format!("/v1/checkouts/{}", text(&checkout["id"]));
    let what = format!("the checkout {} ends", checkout["id"]);
    // If the provider was killed during a request, payments queries it after 5 s and again 30 s later.
    let ended = within(60, &what, async || {
        // Real time: the processes use their own clocks.
        tokio::time::sleep(Duration::from_millis(200)).await;
        let request = trade.storefront(Method::GET, &path).header("bloom-cart-token", &basket.token);
        let checkout = persist(|| request.try_clone().expect("it has no body")).await.expect(200).body;
        let ended = matches!(checkout["status"].as_str(), Some("completed" | "failed"));
        ended.then_some(checkout)
    })
    .await;
    ended["order"].clone()
}

/// Kills one or more processes during the work and starts them again.
async fn kill_some(processes: &mut Processes, chance: &Chance, moment: usize) {
    let services: Vec<&str> = SERVICES.iter().map(|service| service.name).chain(["gateway"]).collect();
    let victim = services[chance.below(services.len())];
    // Real time: the processes use their own clocks.
    tokio::time::sleep(Duration::from_millis(chance.below(400) as u64)).await;
    match moment % 5 {
        // Events committed from here on stay in the outboxes: the process is killed between commit and delivery.
        3 => {
            processes.kill("kafka");
            // Real time: the processes use their own clocks.
            tokio::time::sleep(Duration::from_millis(500)).await;
            processes.kill(victim);
            println!("moment {moment}: {victim} with Kafka away");
            processes.start_kafka().await.expect("Kafka starts again");
        }
        4 => {
            processes.kill("redis");
            processes.kill(victim);
            println!("moment {moment}: {victim} and Redis");
            processes.start_redis().expect("Redis starts again");
        }
        _ => {
            processes.kill(victim);
            println!("moment {moment}: {victim}");
        }
    }
    // Real time: the processes use their own clocks.
    tokio::time::sleep(Duration::from_millis(chance.below(200) as u64)).await;
    processes.start_service(victim).expect("it starts again");
    processes.ready(victim).await.expect("it is ready again");
}

/// An acknowledged purchase: basket, key, payment token, order.
type Bought = (Basket, String, &'static str, Value);

/// The acknowledged writes.
#[derive(Default)]
struct Ledger {
    /// Purchases with an order.
    bought: Vec<Bought>,
    /// Number of purchases that were refused permanently.
    refused: usize,
    /// Units received; each receipt was acknowledged once.
    received: i64,
    /// The SKUs of each accepted import.
    imports: BTreeMap<String, BTreeSet<String>>,
}

impl Ledger {
    fn add(&mut self, other: Self) {
        self.bought.extend(other.bought);
        self.refused += other.refused;
        self.received += other.received;
        self.imports.extend(other.imports);
    }
}

/// Sends purchases, an import and stock movements concurrently. Each request is repeated under its key until it is answered.
async fn work(trade: &Trade, moment: usize) -> Ledger {
    let mut done = Ledger::default();
    let tokens = ["tok_success", "tok_webhook_first", "tok_decline", "tok_duplicate_webhook"];
    let purchases = join_all(tokens.iter().map(|token| purchase(trade, moment, token)));
    let (bought, import, ()) = tokio::join!(purchases, import(trade, moment), receive(trade, moment));
    for outcome in bought {
        match outcome {
            Some(bought) => done.bought.push(bought),
            None => done.refused += 1,
        }
    }
    done.received = 3;
    done.imports.extend([import]);
    done
}

async fn purchase(trade: &Trade, moment: usize, token: &'static str) -> Option<Bought> {
    let key = format!("{token} {moment}");
    let wish = trade.wish(&[("A", 1), ("B", 2)]);
    // A repeated request gets a reply without the token, so a cart whose first reply was lost is abandoned.
    let made = persist(|| trade.storefront(Method::POST, "/v1/carts").json(&wish)).await.expect(201);
    let basket = Basket { id: made.id(), token: text(&made.body["token"]), body: made.body };
    let body = json!({ "cart_id": basket.id, "payment": { "token": token } });
    let answer = persist(|| {
        let request = trade.storefront(Method::POST, "/v1/checkouts").header("bloom-cart-token", &basket.token);
        request.header("idempotency-key", &key).json(&body)
    })
    .await;
    let checkout = match answer.status {
        201 | 202 => answer.body,
        _ => {
            assert!(matches!(answer.code(), "payment_declined" | "checkout_expired"), "{token}: {:#}", answer.body);
            return None;
        }
    };
    let order = ended(trade, &basket, &checkout).await;
    order.is_object().then_some((basket, key, token, order))
}

async fn import(trade: &Trade, moment: usize) -> (String, BTreeSet<String>) {
    let skus: BTreeSet<String> = (0..40).map(|number| format!("I-{moment}-{number}")).collect();
    let lines = skus.iter().map(|sku| line(&(sku, 500, 7)).to_string()).collect::<Vec<_>>().join("\n");
    let job = persist(|| {
        let request = trade.secret(Method::POST, "/v1/catalog/imports").header("content-type", "application/x-ndjson");
        request.body(lines.clone())
    })
    .await
    .expect(202);
    (job.id(), skus)
}

async fn receive(trade: &Trade, moment: usize) {
    let line = json!({ "variant_id": trade.variant("A"), "location_id": trade.id("location_id"), "quantity": 1 });
    let body = json!({ "kind": "received", "lines": [line] });
    for number in 0..3 {
        let key = format!("received {moment} {number}");
        let request = || trade.secret(Method::POST, "/v1/inventory/adjustments").header("idempotency-key", &key).json(&body);
        persist(request).await.expect(201);
    }
}

/// Repeats the request while a service is down or busy; any other reply is final. No reply may be a 500.
async fn persist(request: impl Fn() -> RequestBuilder) -> Answer {
    eventually("an answer", async || {
        let answer = Shop::try_send(request()).await?;
        assert_ne!(answer.status, 500, "{:#}", answer.body);
        let again = answer.status >= 500
            || matches!(answer.code(), "idempotency_in_progress" | "busy" | "cart_frozen" | "upload_incomplete");
        (!again).then_some(answer)
    })
    .await
}

impl Ledger {
    /// Every acknowledged write is there once, and there are no others.
    async fn prove(&self, trade: &Trade) {
        println!("{} bought, {} refused, {} imports", self.bought.len(), self.refused, self.imports.len());
        assert!(self.bought.len() >= 2 * MOMENTS, "too little was bought to prove anything");
        let mut ids = BTreeSet::new();
        for (basket, key, token, order) in &self.bought {
            let again = persist(|| {
                let body = json!({ "cart_id": basket.id, "payment": { "token": token } });
                let request = trade.storefront(Method::POST, "/v1/checkouts").header("bloom-cart-token", &basket.token);
                request.header("idempotency-key", key).json(&body)
            })
            .await
            .expect(201);
            assert_eq!(again.body["order"], *order, "{key}: a retry answers the same order");
            ids.insert(text(&order["id"]));
            assert_eq!(amount(&trade.payment(order).await["authorised"]), amount(&order["total"]), "{key}");
        }
        assert_eq!(ids.len(), self.bought.len(), "one order a purchase");
        let orders = trade.all("/v1/orders").await;
        let placed: BTreeSet<String> = orders.iter().map(|order| text(&order["id"])).collect();
        assert_eq!(placed, ids, "there is no unacknowledged order");
        let sold = i64::try_from(self.bought.len()).expect("a few");
        eventually("stock tells what was sold and received", async || {
            let (a, b) = (trade.levels("A").await, trade.levels("B").await);
            let a_right = a == Levels { on_hand: ON_HAND + self.received, allocated: sold, held: 0 };
            (a_right && b == Levels { on_hand: ON_HAND, allocated: 2 * sold, held: 0 }).then_some(())
        })
        .await;
        self.prove_imports(trade).await;
    }

    async fn prove_imports(&self, trade: &Trade) {
        for id in self.imports.keys() {
            let job = eventually("the import ends", async || {
                let job = trade.get(&format!("/v1/catalog/imports/{id}")).await.expect(200).body;
                (job["status"] == "completed").then_some(job)
            })
            .await;
            assert_eq!(job["lines_failed"], 0, "{job:#}");
        }
        let wanted: BTreeSet<String> = self.imports.values().flatten().map(|sku| format!("Part {sku}")).collect();
        let listed: Vec<String> = trade.all("/v1/catalog/products").await.iter().map(|item| text(&item["title"])).collect();
        let unique: BTreeSet<String> = listed.iter().filter(|title| title.starts_with("Part I-")).cloned().collect();
        assert_eq!(listed.len(), unique.len() + 2, "no product twice");
        assert_eq!(unique, wanted, "every imported product is there");
    }
}
