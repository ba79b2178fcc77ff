//! Tests through the public doors, on a real database; pure ones of the domain.

mod categories;
mod channels;
mod collections;
mod domain;
mod heard;
mod import;
mod listing;
mod owners;
mod plans;
mod products;
mod proofs;
mod references;
mod sellables;
mod tenants;

use std::time::Duration;

use bloom_contract_platform::platform_client::PlatformClient;
use bloom_contract_platform::{CheckRequest, DrainedRequest};
use bloom_events::{Bus, Envelope, Handler as _};
use bloom_kernel::{ChannelId, LocationId, TaxClassId, VariantId};
use bloom_runtime::{Peer, RequestContext};
use bloom_testkit::{Answer, TestClient, TestEnv, test_env};
use chrono::TimeDelta;
use serde_json::{Value, json};
use sqlx::Row as _;

use self::owners::Books;
use crate::events::heard::Listing;
use crate::{Catalog, MIGRATIONS, NAME, service};

/// The service on a schema of its own, and what the tests ask it.
struct Stage {
    bench: TestEnv,
    door: TestClient,
    app: Catalog,
    books: Books,
}

/// A stage whose neighbours are away: they can be opened later.
async fn alone() -> Stage {
    let bench = test_env(NAME, &MIGRATIONS).await;
    let door = bench.open(|host, db| service(host, db, Bus::in_process())).await;
    let app = Catalog::new(bench.host.clone(), bench.db.clone());
    let books = Books::new(&bench.host);
    Stage { bench, door, app, books }
}

async fn stage() -> Stage {
    let stage = alone().await;
    stage.books.open();
    stage
}

/// A stage with a default channel in rupees.
async fn shop() -> (Stage, ChannelId) {
    let stage = stage().await;
    let channel = stage.channel("web", json!({})).await;
    (stage, channel)
}

/// Lays the fields of `more` over `base`.
fn with(mut base: Value, more: Value) -> Value {
    if let (Value::Object(base), Value::Object(more)) = (&mut base, more) {
        base.extend(more);
    }
    base
}

impl Stage {
    fn call(&self) -> RequestContext {
        self.bench.call()
    }

    fn id<T: From<uuid::Uuid>>(&self) -> T {
        self.bench.host.id(self.bench.tenant)
    }

    /// Posts what must be accepted, and gives what came of it. Time goes on, so that ids tell the order.
    async fn made(&self, path: &str, input: Value) -> Value {
        self.bench.clock.advance(TimeDelta::milliseconds(1));
        self.door.post(&format!("/v1/catalog/{path}")).json(&input).send().await.expect(201).json
    }

    async fn channel(&self, code: &str, more: Value) -> ChannelId {
        let channel = json!({ "code": code, "name": code, "currency": "INR", "price_basis": "gross", "country": "IN" });
        text(&self.made("channels", with(channel, more)).await["id"]).parse().unwrap()
    }

    /// An active product with one variant of the SKU.
    async fn product(&self, title: &str, sku: &str, more: Value) -> Value {
        let product = json!({ "title": title, "status": "active", "variants": [{ "sku": sku }] });
        self.made("products", with(product, more)).await
    }

    /// Patches the present version.
    async fn patch(&self, path: &str, input: Value) -> Answer {
        let path = format!("/v1/catalog/{path}");
        let version = self.door.get(&path).send().await.expect(200).version();
        self.door.patch(&path).if_match(version).json(&input).send().await
    }

    /// Lists products.
    async fn list(&self, query: &str) -> Value {
        self.door.get(&format!("/v1/catalog/products?{query}")).send().await.expect(200).json
    }

    /// Titles of a list, page by page to its end; also how many pages it had.
    async fn walk(&self, query: &str) -> (Vec<String>, usize) {
        let (mut titles, mut pages, mut cursor) = (Vec::new(), 0, String::new());
        loop {
            let page = self.list(&format!("{query}{cursor}")).await;
            titles.extend(page["data"].as_array().unwrap().iter().map(|item| text(&item["title"])));
            pages += 1;
            match page["page"]["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return (titles, pages),
            }
        }
    }

    async fn titles(&self, query: &str) -> Vec<String> {
        self.walk(query).await.0
    }

    fn envelope(&self, service: &str, name: &str, aggregate: &str, version: i64, data: &Value) -> Envelope {
        Envelope {
            id: self.id(),
            tenant: self.bench.tenant,
            service: service.to_owned(),
            kind: format!("bloom.{service}.{name}"),
            aggregate: aggregate.to_owned(),
            version,
            actor: "key:test".to_owned(),
            occurred_at: self.bench.clock.time(),
            schema_version: 1,
            trace: None,
            causation: None,
            data: serde_json::value::to_raw_value(data).unwrap(),
        }
    }

    /// Applies events as the consumer does.
    async fn hear(&self, batch: &[Envelope]) {
        let handler = Listing { host: self.bench.host.clone(), freshness: self.app.freshness.clone() };
        let mut tx = self.bench.db.write(&self.call()).await.unwrap();
        assert!(batch.iter().all(|event| handler.wants(&event.kind)));
        handler.apply(&mut tx, batch).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// Pricing tells the price of one unit.
    async fn price(&self, variant: VariantId, version: i64, prices: &[(ChannelId, Option<i64>)]) {
        let prices: Vec<Value> = prices
            .iter()
            .map(|(channel, amount)| {
                json!({ "channel_id": channel, "price": amount.map(|amount| json!({ "amount": amount, "currency": "INR" })) })
            })
            .collect();
        let data = json!({ "variant_id": variant, "prices": prices });
        self.hear(&[self.envelope("pricing", "variant_price.updated", &variant.to_string(), version, &data)]).await;
    }

    /// Inventory tells of a location.
    async fn location(&self, code: &str, priority: i32) -> LocationId {
        let id: LocationId = self.id();
        self.relocate(id, code, priority, true, 1).await;
        id
    }

    /// Pricing tells of a tax class.
    async fn tax_class(&self, id: TaxClassId) {
        self.hear(&[self.envelope("pricing", "tax_class.created", &id.to_string(), 1, &json!({ "id": id }))]).await;
    }

    async fn relocate(&self, id: LocationId, code: &str, priority: i32, active: bool, version: i64) {
        let data = json!({ "id": id, "code": code, "name": code, "priority": priority, "active": active, "version": version });
        let name = if version == 1 { "location.created" } else { "location.updated" };
        self.hear(&[self.envelope("inventory", name, &id.to_string(), version, &data)]).await;
    }

    /// Inventory tells what can be sold from where.
    async fn stock(&self, variant: VariantId, version: i64, items: &[(LocationId, &str, i64)]) {
        let items: Vec<Value> = items
            .iter()
            .map(|(id, code, available)| {
                json!({ "location_id": id, "location_code": code, "priority": 1, "on_hand": available, "allocated": 0,
                    "held": 0, "safety_stock": 0, "backorder_limit": 0, "available": available, "sellable": available })
            })
            .collect();
        let data = json!({ "variant_id": variant, "items": items });
        self.hear(&[self.envelope("inventory", "stock.updated", &variant.to_string(), version, &data)]).await;
    }

    /// Kinds and versions of all events of an aggregate.
    async fn events(&self, aggregate: &str) -> Vec<(String, i64)> {
        let mut conn = self.bench.superuser().await;
        let rows = sqlx::query("select kind, version from outbox where aggregate = $1 order by seq").bind(aggregate);
        rows.fetch_all(&mut conn).await.unwrap().iter().map(|row| (row.get(0), row.get(1))).collect()
    }

    fn platform(&self) -> PlatformClient<Peer> {
        PlatformClient::new(self.bench.host.peers.get(NAME))
    }

    /// Waits until every timer that is due has fired.
    async fn settle(&self) {
        for _ in 0..3_000 {
            let request = self.bench.host.request(&self.call(), DrainedRequest {});
            if self.platform().drained(request).await.unwrap().into_inner().timers_due == 0 {
                return;
            }
            // Real time: timers fire beside the test; they are asked after until none is due.
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("timers do not come to rest");
    }

    /// What the service's own checks find: (invariant, detail).
    async fn breaches(&self) -> Vec<(String, String)> {
        let request = self.bench.host.request(&self.call(), CheckRequest {});
        let reply = self.platform().check(request).await.unwrap().into_inner();
        assert!(reply.checked.contains(&"listing_equals_sources".to_owned()));
        reply.breaches.into_iter().map(|breach| (breach.invariant, breach.detail)).collect()
    }

    async fn sound(&self) {
        self.settle().await;
        assert_eq!(self.breaches().await, Vec::new());
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

fn variant_of(product: &Value) -> VariantId {
    text(&product["variants"][0]["id"]).parse().unwrap()
}
