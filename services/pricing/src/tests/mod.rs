//! The fixture of this service, and the tests that concern no single resource.

mod catalog;
mod contract;
mod grpc;
mod openapi;
mod platform;

use std::collections::HashMap;
use std::time::Duration;

use bloom_contract_platform::platform_client::PlatformClient;
use bloom_contract_platform::{CheckRequest, DrainedRequest};
use bloom_contract_pricing::events::VariantPrices;
use bloom_contract_pricing::pricing_client::PricingClient;
use bloom_events::Envelope;
use bloom_kernel::{ChannelId, Money, VariantId};
use bloom_runtime::{Peer, RequestContext};
use bloom_testkit::{TestClient, TestEnv};
use chrono::TimeDelta;
use serde_json::{Value, json};
use sqlx::Row as _;
use sqlx::postgres::PgRow;

use self::catalog::FakeCatalog;
use crate::{NAME, Pricing, SERVICE, consumers};

/// The service on its own schema, its clients, and a fake catalog.
pub struct Fixture {
    pub env: TestEnv,
    pub client: TestClient,
    pub grpc: PricingClient<Peer>,
    pub app: Pricing,
    pub catalog: FakeCatalog,
}

/// A fixture whose catalog is unreachable until it is started.
pub async fn fixture_without_catalog() -> Fixture {
    let env = TestEnv::of(&SERVICE).await;
    let client = env.serve(&SERVICE).await;
    let grpc = PricingClient::new(env.host.peers.get(NAME));
    let app = Pricing::new(env.host.clone(), env.db.clone());
    let catalog = FakeCatalog::new(&env.host);
    Fixture { env, client, grpc, app, catalog }
}

pub async fn fixture() -> Fixture {
    let fixture = fixture_without_catalog().await;
    fixture.catalog.start();
    fixture
}

impl Fixture {
    pub fn call(&self) -> RequestContext {
        self.env.call()
    }

    pub fn id<T: From<uuid::Uuid>>(&self) -> T {
        self.env.host.id(self.env.tenant)
    }

    /// Posts a valid body and returns the created resource.
    pub async fn create(&self, path: &str, input: Value) -> Value {
        self.client.post(&format!("/v1/pricing/{path}")).json(&input).send().await.expect(201).json
    }

    /// Patches the current version.
    pub async fn update(&self, path: &str, input: Value) -> Value {
        let path = format!("/v1/pricing/{path}");
        let version = self.client.get(&path).send().await.expect(200).version();
        self.client.patch(&path).if_match(version).json(&input).send().await.expect(200).json
    }

    /// Creates an active list in euros with gross prices, and returns its id.
    pub async fn price_list(&self, code: &str, more: Value) -> String {
        let mut input = json!({ "code": code, "name": code, "currency": "EUR", "gross": true, "status": "active" });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        text(&self.create("price-lists", input).await["id"])
    }

    /// Sets a price in euros in a list, or in the base list.
    pub async fn set_price(&self, list: Option<&str>, variant: VariantId, from: i64, amount: i64) {
        let price = json!({ "amount": amount, "currency": "EUR" });
        let row = json!({ "price_list_id": list, "variant_id": variant, "min_quantity": from, "price": price });
        let _ = self.client.post("/v1/pricing/prices/bulk").json(&json!({ "prices": [row] })).send().await.expect(200);
    }

    /// Creates a default tax class, and a zone with one rate for each country. Returns the id of the class.
    pub async fn taxes(&self, rates: &[(&str, u32)]) -> String {
        let class = self.create("tax-classes", json!({ "code": "standard", "name": "Standard", "is_default": true })).await;
        for (country, ppm) in rates {
            let zone = self.create("tax-zones", json!({ "name": country, "areas": [{ "country": country }] })).await;
            let rate = json!({ "zone_id": zone["id"], "class_id": class["id"], "name": "VAT", "rate_ppm": ppm });
            self.create("tax-rates", rate).await;
        }
        text(&class["id"])
    }

    pub async fn quote(&self, input: Value) -> Value {
        self.client.post("/v1/pricing/quotes").json(&input).send().await.expect(200).json
    }

    /// The last published prices of a variant: (version, amount by channel).
    pub async fn published(&self, variant: VariantId) -> Option<(i64, Vec<(ChannelId, Option<i64>)>)> {
        let mut conn = self.env.superuser().await;
        let row = sqlx::query("select version, data from outbox where kind = $1 and aggregate = $2 order by seq desc limit 1")
            .bind("variant_price.updated")
            .bind(variant.to_string())
            .fetch_optional(&mut conn)
            .await
            .unwrap()?;
        let event: VariantPrices = serde_json::from_str(row.get(1)).unwrap();
        let prices = event.prices.into_iter().map(|price| (price.channel_id, price.price.map(Money::amount)));
        Some((row.get(0), prices.collect()))
    }

    /// The last published price of one unit in a channel.
    pub async fn published_in(&self, variant: VariantId, channel: ChannelId) -> Option<i64> {
        let (_, prices) = self.published(variant).await?;
        prices.into_iter().find(|(id, _)| *id == channel)?.1
    }

    /// Kinds and versions of all events of an aggregate.
    pub async fn events(&self, aggregate: &str) -> Vec<(String, i64)> {
        let mut conn = self.env.superuser().await;
        let rows = sqlx::query("select kind, version from outbox where aggregate = $1 order by seq").bind(aggregate);
        rows.fetch_all(&mut conn).await.unwrap().iter().map(|row| (row.get(0), row.get(1))).collect()
    }

    /// Kinds, versions and documents of all events of an aggregate.
    pub async fn event_documents(&self, aggregate: &str) -> Vec<Value> {
        let mut conn = self.env.superuser().await;
        let rows = sqlx::query("select kind, version, data from outbox where aggregate = $1 order by seq").bind(aggregate);
        let event = |row: &PgRow| {
            let (kind, version, data): (String, i64, String) = (row.get(0), row.get(1), row.get(2));
            json!({ "kind": kind, "version": version, "data": serde_json::from_str::<Value>(&data).unwrap() })
        };
        rows.fetch_all(&mut conn).await.unwrap().iter().map(event).collect()
    }

    /// Creates a channel by its event from the catalog.
    pub async fn channel(&self, code: &str, gross: bool, country: &str, more: Value) -> ChannelId {
        // Ids of later channels sort later.
        self.env.clock.advance(TimeDelta::milliseconds(1));
        let id: ChannelId = self.id();
        let basis = if gross { "gross" } else { "net" };
        let mut channel = json!({ "id": id, "code": code, "name": code, "currency": "EUR", "price_basis": basis,
            "country": country, "location_ids": [], "is_default": false, "active": true, "metadata": {}, "version": 1 });
        channel.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.receive("channel.created", &id.to_string(), 1, &channel).await;
        id
    }

    /// An event of the catalog.
    pub fn envelope(&self, name: &str, aggregate: &str, version: i64, data: &Value) -> Envelope {
        Envelope {
            id: self.id(),
            tenant: self.env.tenant,
            service: "catalog".to_owned(),
            kind: format!("bloom.catalog.{name}"),
            aggregate: aggregate.to_owned(),
            version,
            actor: "key:test".to_owned(),
            occurred_at: self.env.clock.time(),
            schema_version: 1,
            trace: None,
            causation: None,
            data: serde_json::value::to_raw_value(data).unwrap(),
        }
    }

    /// Applies events as the consumer does.
    pub async fn receive_all(&self, batch: &[Envelope]) {
        let mut tx = self.env.db.write(&self.call()).await.unwrap();
        let taken = |event: &Envelope| consumers::CATALOG.iter().any(|kind| event.kind.starts_with(kind.trim_end_matches('*')));
        assert!(batch.iter().all(taken));
        consumers::catalog(&self.app, &mut tx, batch).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// Applies one event, and waits for the passes that follow it.
    pub async fn receive(&self, name: &str, aggregate: &str, version: i64, data: &Value) {
        self.receive_all(&[self.envelope(name, aggregate, version, data)]).await;
        self.drain().await;
    }

    /// Waits until every due timer has fired and every event is published.
    pub async fn drain(&self) {
        let platform = PlatformClient::new(self.env.host.peers.get(NAME));
        let mut poll = tokio::time::interval(Duration::from_millis(10));
        for _ in 0..1_000 {
            poll.tick().await;
            let request = self.env.host.request(&self.call(), DrainedRequest {});
            let state = platform.clone().drained(request).await.unwrap().into_inner();
            if state.timers_due == 0 && state.outbox == 0 {
                return;
            }
        }
        panic!("timers or events are still pending after ten seconds");
    }

    /// The names of violated invariants.
    pub async fn breaches(&self) -> Vec<String> {
        let mut platform = PlatformClient::new(self.env.host.peers.get(NAME));
        let request = self.env.host.request(&self.call(), CheckRequest {});
        let reply = platform.check(request).await.unwrap().into_inner();
        reply.breaches.into_iter().map(|breach| breach.invariant).collect()
    }
}

pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("not a text: {value}")).to_owned()
}

/// The value with stable ids: `<prefix>_1` for the first id of a kind, `<prefix>_2` for the second. Random parts of ids differ
/// from run to run.
pub fn with_stable_ids(mut value: Value) -> Value {
    let mut seen: HashMap<String, Vec<String>> = HashMap::new();
    replace_ids(&mut value, &mut seen);
    value
}

fn replace_ids(value: &mut Value, seen: &mut HashMap<String, Vec<String>>) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| replace_ids(item, seen)),
        Value::Object(fields) => fields.values_mut().for_each(|field| replace_ids(field, seen)),
        Value::String(text) => {
            let id = text.rsplit('/').next().unwrap_or_default().to_owned();
            let is_id = |(prefix, random): &(&str, &str)| {
                let expected = if *prefix == "req" { 20 } else { 26 };
                random.len() == expected && random.bytes().all(|byte| byte.is_ascii_alphanumeric())
            };
            let Some((prefix, random)) = id.split_once('_').filter(is_id) else { return };
            let ids = seen.entry(prefix.to_owned()).or_default();
            let number = ids.iter().position(|known| known == random).unwrap_or_else(|| {
                ids.push(random.to_owned());
                ids.len() - 1
            });
            *text = text.replace(&id, &format!("{prefix}_{}", number + 1));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
