//! Purchases: a cart with two lines, e-mail, addresses and delivery, then one checkout. An order counts when its rows
//! show it confirmed, authorised, and its stock allocated.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Method, header};
use http_body_util::Full;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::Outcome;
use crate::client::{Connection, eventually};
use crate::cluster::{DATABASE, Server};
use crate::fleet::{Fleet, Launcher, Tenant};
use crate::load::{Visitor, Visits, closed, counted, open};
use crate::machine::{Cpu, Meter};
use crate::plan::Plan;
use crate::record::Recording;
use crate::replay::{Replayed, replay};

/// Number of buyers in a closed loop.
const BUYERS: usize = 16;
/// Number of buyers for purchases at a fixed rate.
const CROWD: usize = 128;
/// Warm-up before purchases are measured, so that there are some.
const WARM: Duration = Duration::from_secs(3);
const DRAIN: Duration = Duration::from_mins(1);

/// Makes purchases repeatedly.
struct Buyer {
    connection: Connection,
    key: String,
    option: String,
    variants: Vec<String>,
    /// Index of the next variant; a step without a common factor with their number visits them all.
    next: usize,
    /// Makes e-mail addresses and idempotency keys unique.
    name: String,
    bought: u64,
    /// Duration of the checkouts alone, in microseconds.
    checkouts: Vec<u32>,
}

impl Buyer {
    fn cart(&self) -> Value {
        let variant = |step: usize| self.variants[(self.next + step) % self.variants.len()].as_str();
        let address = json!({
            "name": "Asha Rao", "line1": "14 Residency Road", "city": "Bengaluru", "region": "KA",
            "postal_code": "560025", "country": "IN", "phone": "+91 80 5550 0100",
        });
        json!({
            "lines": [{ "variant_id": variant(0), "quantity": 1 }, { "variant_id": variant(7), "quantity": 2 }],
            "email": format!("{}-{}@example.com", self.name, self.bought),
            "shipping_address": address, "billing_address": address,
            "delivery_option_id": self.option,
        })
    }

    async fn post(&mut self, path: &str, extra: &[(&str, &str)], body: &Value) -> Outcome<Value> {
        let mut request = self.connection.request(Method::POST, path, &self.key).header(header::CONTENT_TYPE, "application/json");
        for (name, value) in extra {
            request = request.header(*name, *value);
        }
        let answer = self.connection.send(request.body(Full::new(Bytes::from(body.to_string())))?).await?;
        Ok(serde_json::from_slice(answer.expect(201)?)?)
    }
}

impl Visitor for Buyer {
    async fn turn(&mut self) -> Outcome {
        self.next = (self.next + 7_919) % self.variants.len();
        self.bought += 1;
        let cart = self.post("/v1/carts", &[], &self.cart()).await?;
        let (Some(id), Some(token)) = (cart["id"].as_str(), cart["token"].as_str()) else {
            return Err("a cart without a token".into());
        };
        let key = format!("{}-{}", self.name, self.bought);
        let body = json!({ "cart_id": id, "payment": { "token": "tok_success" } });
        let start = Instant::now();
        self.post("/v1/checkouts", &[("idempotency-key", &key), ("bloom-cart-token", token)], &body).await?;
        self.checkouts.push(u32::try_from(start.elapsed().as_micros()).unwrap_or(u32::MAX));
        Ok(())
    }
}

/// Results of purchases in a closed loop.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bought {
    pub(crate) orders: u64,
    pub(crate) rate: f64,
    /// CPU per order.
    pub(crate) cpu: Cpu,
    /// Statements per order.
    pub(crate) statements: f64,
}

/// The results for the purchase rows of the report.
pub(crate) struct Purchases {
    pub(crate) bought: Vec<Bought>,
    pub(crate) replayed: Vec<Replayed>,
    /// Number of orders in the recording.
    pub(crate) recorded: u64,
    /// Rows inserted, updated and deleted: by the recorded run, and by its replay.
    pub(crate) written: [[i64; 3]; 2],
    pub(crate) half_rate: f64,
    pub(crate) at_half: Visits,
    pub(crate) checkouts: Vec<u32>,
    /// Calls per order, microseconds each, text.
    pub(crate) profile: Vec<Vec<String>>,
}

pub(crate) struct Orders<'a> {
    pub(crate) server: &'a Server,
    pub(crate) launcher: &'a Launcher,
    pub(crate) tenant: &'a Tenant,
    pub(crate) option: &'a str,
    pub(crate) plan: Plan,
    /// Ids of the variants that are bought.
    pub(crate) variants: Vec<String>,
    /// Distinguishes one group of buyers from another.
    pub(crate) groups: u32,
}

impl Orders<'_> {
    fn buyers(&mut self, fleet: &Fleet, count: usize) -> Vec<Buyer> {
        self.groups += 1;
        let group = self.groups;
        (0..count)
            .map(|number| Buyer {
                connection: Connection::to(&fleet.address),
                key: self.tenant.publishable_key.clone(),
                option: self.option.to_owned(),
                variants: self.variants.clone(),
                next: number * 641 + group as usize * 97,
                name: format!("buyer-{group}-{number}"),
                bought: 0,
                checkouts: Vec::new(),
            })
            .collect()
    }

    /// Runs all purchase measurements. The fleet is restarted in between, so that the recording begins with its start.
    pub(crate) async fn compare(&mut self, fleet: Fleet) -> Outcome<(Purchases, Fleet)> {
        self.server.tidy()?;
        let first = self.buy(&fleet).await?;
        let profile = self.profile(first.orders)?;
        fleet.stop()?;
        self.server.tidy()?;
        let (copies, tenant) = (["replay_1", "replay_2"], self.tenant.id);
        for copy in copies {
            self.server.copy(copy)?;
        }
        let (recording, load_from, recorded, written) = self.record().await?;
        let mut replayed = Vec::new();
        let mut again = [0; 3];
        for copy in copies {
            let before = self.server.written(copy)?;
            replayed.push(replay(self.server, copy, &recording, load_from)?);
            let orders = self.server.sql(copy, &confirmed(tenant))?;
            let after = self.written_at_last(copy).await?;
            again = std::array::from_fn(|index| after[index] - before[index]);
            println!("  {copy}: {orders} confirmed orders in the copy after the replay");
            self.server.sql("postgres", &format!("drop database {copy}"))?;
        }
        drop(recording);
        let fleet = self.launcher.start().await?;
        self.server.tidy()?;
        let second = self.buy(&fleet).await?;
        let half_rate = (first.rate + second.rate) / 4.0;
        let mut crowd = self.buyers(&fleet, CROWD);
        let at_half = open(&mut crowd, half_rate, self.plan.turn * 2).await.valid("purchases at half load")?;
        let mut checkouts: Vec<u32> = crowd.into_iter().flat_map(|buyer| buyer.checkouts).collect();
        checkouts.sort_unstable();
        let bought = vec![first, second];
        let purchases =
            Purchases { bought, replayed, recorded, written: [written, again], half_rate, at_half, checkouts, profile };
        Ok((purchases, fleet))
    }

    async fn buy(&mut self, fleet: &Fleet) -> Outcome<Bought> {
        let mut buyers = self.buyers(fleet, BUYERS);
        // A shop in operation has statistics of its orders, but tables that were just empty have none, and autovacuum
        // must not run during the measurement. Whole-page writes after a checkpoint and new plans after new statistics
        // are also completed before it.
        for _ in 0..2 {
            closed(&mut buyers, WARM).await.valid("the first purchases")?;
            self.drained().await?;
            self.server.sql(DATABASE, "vacuum (analyze)")?;
        }
        closed(&mut buyers, WARM).await.valid("the first purchases")?;
        self.drained().await?;
        self.server.sql(DATABASE, "select pg_stat_statements_reset()")?;
        let before = self.confirmed()?;
        let meter = Meter::start(self.server.pid, Some(fleet.pid()));
        let visits = closed(&mut buyers, self.plan.turn).await.valid("purchases")?;
        // Include the cost of events that are still being processed.
        self.drained().await?;
        let (cpu, _) = meter.stop();
        let orders = self.confirmed()? - before;
        let calls = self.server.number(&format!("select coalesce(sum(calls), 0) {BY_PLATFORM}"))?;
        #[expect(clippy::cast_precision_loss, reason = "counts of a run")]
        let (rate, statements) = (orders as f64 / visits.seconds, calls as f64 / orders.max(1) as f64);
        Ok(Bought { orders, rate, cpu: cpu.per(orders), statements })
    }

    fn confirmed(&self) -> Outcome<u64> {
        self.server.number(&confirmed(self.tenant.id))
    }

    async fn drained(&self) -> Outcome {
        let services = ["catalog", "inventory", "pricing", "cart", "payments", "orders"];
        let pending =
            services.map(|service| format!("(select count(*) from {service}.outbox where position is null)")).join(" + ");
        eventually("events are delivered", DRAIN, async || Ok(self.server.number(&format!("select {pending}"))? == 0)).await
    }

    /// Runs purchases with every statement logged. Returns the statements since the fleet's start, where in the log the
    /// purchases begin, how many there were, and how many rows they wrote.
    async fn record(&mut self) -> Outcome<(Recording, u64, u64, [i64; 3])> {
        let before = self.server.written(DATABASE)?;
        let since_ms = self.server.number("select (extract(epoch from clock_timestamp()) * 1000)::bigint")?;
        let from = self.server.log_end();
        self.server.log_statements(true)?;
        let fleet = self.launcher.start().await?;
        self.drained().await?;
        let orders_before = self.confirmed()?;
        let load_from = self.server.log_end();
        let mut buyers = self.buyers(&fleet, BUYERS);
        counted(&mut buyers, self.plan.recorded).await.valid("recorded purchases")?;
        self.drained().await?;
        let to = self.server.log_end();
        let orders = self.confirmed()? - orders_before;
        fleet.stop()?;
        self.server.log_statements(false)?;
        let after = self.written_at_last(DATABASE).await?;
        let recording = Recording::read(&self.server.log(), from, to, since_ms)?;
        Ok((recording, load_from, orders, std::array::from_fn(|index| after[index] - before[index])))
    }

    /// Row counts once they no longer change: backends report them when they end.
    async fn written_at_last(&self, database: &str) -> Outcome<[i64; 3]> {
        let mut last = self.server.written(database)?;
        eventually("row counts stand still", DRAIN, async || {
            tokio::time::sleep(Duration::from_millis(500)).await;
            let now = self.server.written(database)?;
            Ok(std::mem::replace(&mut last, now) == now)
        })
        .await?;
        Ok(last)
    }

    /// The most expensive statements of the database.
    fn profile(&self, orders: u64) -> Outcome<Vec<Vec<String>>> {
        self.server.rows(&format!(
            "select rolname, round(sum(calls) / {orders}.0, 2), round((sum(total_exec_time) * 1000 / sum(calls))::numeric, 1),
                    round((sum(total_exec_time) * 1000 / {orders})::numeric, 1),
                    left(regexp_replace(replace(query, '|', '/'), '\\s+', ' ', 'g'), 160)
             {BY_PLATFORM} group by rolname, query order by 4 desc limit 60"
        ))
    }
}

const BY_PLATFORM: &str = "from pg_stat_statements join pg_roles on pg_roles.oid = userid where rolname like 'bloom\\_%'";

fn confirmed(tenant: Uuid) -> String {
    format!(
        "select count(*) from orders.orders o where o.tenant_id = '{tenant}' and o.status = 'confirmed' and o.payment_status = 'authorised'
           and exists (select from inventory.hold h where h.tenant_id = o.tenant_id and h.order_id = o.id and h.status = 'committed')"
    )
}
