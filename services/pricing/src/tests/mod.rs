//! The engine by itself; everything else through the public doors, on a real database.

mod catalogue;
mod engine;
mod grpc;
mod listing;
mod owner;
mod price_lists;
mod prices;
mod proofs;
mod quotes;
mod references;
mod taxes;

use std::time::Duration;

use bloom_contract_platform::platform_client::PlatformClient;
use bloom_contract_platform::{CheckRequest, DrainedRequest};
use bloom_contract_pricing::pricing_client::PricingClient;
use bloom_events::Bus;
use bloom_kernel::{ChannelId, VariantId};
use bloom_runtime::{Peer, RequestContext};
use bloom_testkit::{TestClient, TestEnv, test_env};
use chrono::TimeDelta;
use serde_json::{Value, json};
use sqlx::Row as _;

use self::owner::Owner;
use crate::{MIGRATIONS, NAME, Pricing, service};

/// The service on a schema of its own, and what the tests ask it.
struct Stage {
    bench: TestEnv,
    door: TestClient,
    client: PricingClient<Peer>,
    app: Pricing,
    owner: Owner,
}

/// A stage whose catalogue is away: it can be opened later.
async fn alone() -> Stage {
    let bench = test_env(NAME, &MIGRATIONS).await;
    let door = bench.open(|host, db| service(host, db, Bus::in_process())).await;
    let client = PricingClient::new(bench.host.peers.get(NAME));
    let app = Pricing::new(bench.host.clone(), bench.db.clone());
    let owner = Owner::new(&bench.host);
    Stage { bench, door, client, app, owner }
}

async fn stage() -> Stage {
    let stage = alone().await;
    stage.owner.open();
    stage
}

impl Stage {
    fn call(&self) -> RequestContext {
        self.bench.call()
    }

    fn id<T: From<uuid::Uuid>>(&self) -> T {
        self.bench.host.id(self.bench.tenant)
    }

    /// Posts what must be accepted, and gives what came of it.
    async fn made(&self, path: &str, input: Value) -> Value {
        self.door.post(&format!("/v1/pricing/{path}")).json(&input).send().await.expect(201).json
    }

    /// Patches the present version.
    async fn patched(&self, path: &str, input: Value) -> Value {
        let path = format!("/v1/pricing/{path}");
        let version = self.door.get(&path).send().await.expect(200).version();
        self.door.patch(&path).if_match(version).json(&input).send().await.expect(200).json
    }

    async fn list(&self, code: &str, more: Value) -> String {
        let mut input = json!({ "code": code, "name": code, "currency": "EUR", "gross": true, "status": "active" });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        text(&self.made("price-lists", input).await["id"])
    }

    /// Sets a price in a list, or in the base list.
    async fn price(&self, list: Option<&str>, variant: VariantId, from: i64, amount: i64) {
        let price = json!({ "amount": amount, "currency": "EUR" });
        let row = json!({ "price_list_id": list, "variant_id": variant, "min_quantity": from, "price": price });
        let _ = self.door.post("/v1/pricing/prices/bulk").json(&json!({ "prices": [row] })).send().await.expect(200);
    }

    /// One tax class (the default), a zone per country with one rate each.
    async fn taxes(&self, rates: &[(&str, u32)]) -> String {
        let class = self.made("tax-classes", json!({ "code": "standard", "name": "Standard", "is_default": true })).await;
        for (country, ppm) in rates {
            let zone = self.made("tax-zones", json!({ "name": country, "areas": [{ "country": country }] })).await;
            let rate = json!({ "zone_id": zone["id"], "class_id": class["id"], "name": "VAT", "rate_ppm": ppm });
            self.made("tax-rates", rate).await;
        }
        text(&class["id"])
    }

    async fn quote(&self, input: Value) -> Value {
        self.door.post("/v1/pricing/quotes").json(&input).send().await.expect(200).json
    }

    /// What was last told of a variant: (version, amount by channel).
    async fn told(&self, variant: VariantId) -> Option<(i64, Vec<(ChannelId, Option<i64>)>)> {
        let mut conn = self.bench.superuser().await;
        let row = sqlx::query("select version, data from outbox where kind = $1 and aggregate = $2 order by seq desc limit 1")
            .bind(crate::events::VARIANT_PRICE)
            .bind(variant.to_string())
            .fetch_optional(&mut conn)
            .await
            .unwrap()?;
        let data: crate::events::VariantPrice = serde_json::from_str(row.get(1)).unwrap();
        let price =
            |price: crate::domain::listing::ChannelPrice| (price.channel_id, price.price.map(bloom_kernel::Money::amount));
        Some((row.get(0), data.prices.into_iter().map(price).collect()))
    }

    /// The price of one unit that was last told for a channel.
    async fn told_in(&self, variant: VariantId, channel: ChannelId) -> Option<i64> {
        let (_, prices) = self.told(variant).await?;
        prices.into_iter().find(|(id, _)| *id == channel)?.1
    }

    /// Kinds and versions of all events of an aggregate.
    async fn events(&self, aggregate: &str) -> Vec<(String, i64)> {
        let mut conn = self.bench.superuser().await;
        let rows = sqlx::query("select kind, version from outbox where aggregate = $1 order by seq").bind(aggregate);
        rows.fetch_all(&mut conn).await.unwrap().iter().map(|row| (row.get(0), row.get(1))).collect()
    }

    /// A channel, as the catalogue would tell it.
    async fn channel(&self, code: &str, gross: bool, country: &str, more: Value) -> ChannelId {
        // Channels made later sort later.
        self.bench.clock.advance(TimeDelta::milliseconds(1));
        let id: ChannelId = self.id();
        let basis = if gross { "gross" } else { "net" };
        let mut channel = json!({ "id": id, "code": code, "name": code, "currency": "EUR", "price_basis": basis,
            "country": country, "location_ids": [], "is_default": false, "active": true, "metadata": {}, "version": 1 });
        channel.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.hear("channel.created", &id.to_string(), 1, &channel).await;
        id
    }

    /// Waits until every timer that is due has fired and every event is out.
    async fn settle(&self) {
        let platform = PlatformClient::new(self.bench.host.peers.get(NAME));
        let mut look = tokio::time::interval(Duration::from_millis(10));
        for _ in 0..1_000 {
            look.tick().await;
            let request = self.bench.host.request(&self.call(), DrainedRequest {});
            let standing = platform.clone().drained(request).await.unwrap().into_inner();
            if standing.timers_due == 0 && standing.outbox == 0 {
                return;
            }
        }
        panic!("timers or events are still under way after ten seconds");
    }

    /// Names of the invariants that do not hold.
    async fn breaches(&self) -> Vec<String> {
        let mut platform = PlatformClient::new(self.bench.host.peers.get(NAME));
        let request = self.bench.host.request(&self.call(), CheckRequest {});
        let reply = platform.check(request).await.unwrap().into_inner();
        reply.breaches.into_iter().map(|breach| breach.invariant).collect()
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("not a text: {value}")).to_owned()
}
