//! The fixture, and tests of the whole service. They use its REST and gRPC surfaces on a real database.

mod checks;
mod consumers;
mod exports;
pub(crate) mod fakes;
mod grpc;
mod references;
mod snapshots;
mod tenants;

use std::time::Duration;

use bloom_contract_platform::platform_client::PlatformClient;
use bloom_contract_platform::{CheckRequest, DrainedRequest};
use bloom_events::Envelope;
use bloom_kernel::{ChannelId, LocationId, TaxClassId, VariantId};
use bloom_runtime::{Peer, RequestContext};
use bloom_testkit::{Answer, TestClient, TestEnv};
use chrono::TimeDelta;
use serde_json::{Value, json};
use sqlx::Row as _;

use self::fakes::FakeOwners;
use crate::consumers::{LISTING_KINDS, update_listing};
use crate::{Catalog, NAME, SERVICE};

/// The service on a schema of its own, with fakes of pricing and inventory.
pub(crate) struct Fixture {
    pub(crate) env: TestEnv,
    pub(crate) client: TestClient,
    pub(crate) app: Catalog,
    pub(crate) owners: FakeOwners,
}

/// A fixture without pricing and inventory; `owners.open()` starts them.
pub(crate) async fn without_owners() -> Fixture {
    let env = TestEnv::of(&SERVICE).await;
    let client = env.serve(&SERVICE).await;
    let app = Catalog::new(env.host.clone(), env.db.clone());
    let owners = FakeOwners::new(&env.host);
    Fixture { env, client, app, owners }
}

/// A fixture without data.
pub(crate) async fn empty() -> Fixture {
    let fixture = without_owners().await;
    fixture.owners.open();
    fixture
}

/// A fixture with a default channel in rupees.
pub(crate) async fn shop() -> (Fixture, ChannelId) {
    let fixture = empty().await;
    let channel = fixture.channel("web", json!({})).await;
    (fixture, channel)
}

/// `base` with the fields of `more`.
pub(crate) fn with(mut base: Value, more: Value) -> Value {
    if let (Value::Object(base), Value::Object(more)) = (&mut base, more) {
        base.extend(more);
    }
    base
}

impl Fixture {
    pub(crate) fn call(&self) -> RequestContext {
        self.env.call()
    }

    pub(crate) fn id<T: From<uuid::Uuid>>(&self) -> T {
        self.env.host.id(self.env.tenant)
    }

    /// Creates a resource. The clock advances, so that ids are in order of creation.
    pub(crate) async fn create(&self, path: &str, input: Value) -> Value {
        self.env.clock.advance(TimeDelta::milliseconds(1));
        self.client.post(&format!("/v1/catalog/{path}")).json(&input).send().await.expect(201).json
    }

    pub(crate) async fn channel(&self, code: &str, more: Value) -> ChannelId {
        let channel = json!({ "code": code, "name": code, "currency": "INR", "price_basis": "gross", "country": "IN" });
        text(&self.create("channels", with(channel, more)).await["id"]).parse().unwrap()
    }

    /// An active product with one variant of the SKU.
    pub(crate) async fn product(&self, title: &str, sku: &str, more: Value) -> Value {
        let product = json!({ "title": title, "status": "active", "variants": [{ "sku": sku }] });
        self.create("products", with(product, more)).await
    }

    /// Patches the present version.
    pub(crate) async fn patch(&self, path: &str, input: Value) -> Answer {
        let path = format!("/v1/catalog/{path}");
        let version = self.client.get(&path).send().await.expect(200).version();
        self.client.patch(&path).if_match(version).json(&input).send().await
    }

    /// Lists products.
    pub(crate) async fn list(&self, query: &str) -> Value {
        self.client.get(&format!("/v1/catalog/products?{query}")).send().await.expect(200).json
    }

    /// Titles of a list, page by page to its end; also how many pages it had.
    pub(crate) async fn walk(&self, query: &str) -> (Vec<String>, usize) {
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

    pub(crate) async fn titles(&self, query: &str) -> Vec<String> {
        self.walk(query).await.0
    }

    pub(crate) fn envelope(&self, service: &str, name: &str, aggregate: &str, version: i64, data: &Value) -> Envelope {
        Envelope {
            id: self.id(),
            tenant: self.env.tenant,
            service: service.to_owned(),
            kind: format!("bloom.{service}.{name}"),
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

    /// Applies events with the service's consumer.
    pub(crate) async fn consume(&self, batch: &[Envelope]) {
        assert!(batch.iter().all(|event| LISTING_KINDS.contains(&event.kind.as_str())));
        let mut tx = self.env.db.write(&self.call()).await.unwrap();
        update_listing(&self.app, &mut tx, batch).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// Consumes the prices of a variant.
    pub(crate) async fn price(&self, variant: VariantId, version: i64, prices: &[(ChannelId, Option<i64>)]) {
        let prices: Vec<Value> = prices
            .iter()
            .map(|(channel, amount)| {
                json!({ "channel_id": channel, "price": amount.map(|amount| json!({ "amount": amount, "currency": "INR" })) })
            })
            .collect();
        let data = json!({ "variant_id": variant, "prices": prices });
        self.consume(&[self.envelope("pricing", "variant_price.updated", &variant.to_string(), version, &data)]).await;
    }

    /// Consumes a new location.
    pub(crate) async fn location(&self, code: &str, priority: i32) -> LocationId {
        let id: LocationId = self.id();
        self.location_event(id, code, priority, true, 1).await;
        id
    }

    /// Consumes a new tax class.
    pub(crate) async fn tax_class(&self, id: TaxClassId) {
        self.consume(&[self.envelope("pricing", "tax_class.created", &id.to_string(), 1, &json!({ "id": id }))]).await;
    }

    pub(crate) async fn location_event(&self, id: LocationId, code: &str, priority: i32, active: bool, version: i64) {
        let data = json!({ "id": id, "code": code, "name": code, "priority": priority, "active": active, "version": version });
        let name = if version == 1 { "location.created" } else { "location.updated" };
        self.consume(&[self.envelope("inventory", name, &id.to_string(), version, &data)]).await;
    }

    /// Consumes the stock of a variant.
    pub(crate) async fn stock(&self, variant: VariantId, version: i64, items: &[(LocationId, &str, i64)]) {
        let items: Vec<Value> = items
            .iter()
            .map(|(id, code, available)| {
                json!({ "location_id": id, "location_code": code, "priority": 1, "on_hand": available, "allocated": 0,
                    "held": 0, "safety_stock": 0, "backorder_limit": 0, "available": available, "sellable": available })
            })
            .collect();
        let data = json!({ "variant_id": variant, "items": items });
        self.consume(&[self.envelope("inventory", "stock.updated", &variant.to_string(), version, &data)]).await;
    }

    /// Kinds and versions of all events of an aggregate.
    pub(crate) async fn events(&self, aggregate: &str) -> Vec<(String, i64)> {
        let mut conn = self.env.superuser().await;
        let rows = sqlx::query("select kind, version from outbox where aggregate = $1 order by seq").bind(aggregate);
        rows.fetch_all(&mut conn).await.unwrap().iter().map(|row| (row.get(0), row.get(1))).collect()
    }

    pub(crate) fn platform(&self) -> PlatformClient<Peer> {
        PlatformClient::new(self.env.host.peers.get(NAME))
    }

    /// Waits until no timer is due.
    pub(crate) async fn wait_for_timers(&self) {
        for _ in 0..3_000 {
            let request = self.env.host.request(&self.call(), DrainedRequest {});
            if self.platform().drained(request).await.unwrap().into_inner().timers_due == 0 {
                return;
            }
            // Real time: timers fire beside the test, which polls until none is due.
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("timers are still due");
    }

    /// What the service's checks report: (invariant, detail).
    pub(crate) async fn breaches(&self) -> Vec<(String, String)> {
        let request = self.env.host.request(&self.call(), CheckRequest {});
        let reply = self.platform().check(request).await.unwrap().into_inner();
        assert!(reply.checked.contains(&"listing_equals_sources".to_owned()));
        reply.breaches.into_iter().map(|breach| (breach.invariant, breach.detail)).collect()
    }

    pub(crate) async fn assert_invariants(&self) {
        self.wait_for_timers().await;
        assert_eq!(self.breaches().await, Vec::new());
    }
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

pub(crate) fn variant_of(product: &Value) -> VariantId {
    text(&product["variants"][0]["id"]).parse().unwrap()
}
