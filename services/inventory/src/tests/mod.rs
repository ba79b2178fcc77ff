//! Tests through REST and gRPC on a real database, and tests of pure functions.

mod allocate;
mod allocation;
mod checks;
mod concurrent;
mod events;
mod guard;
mod hold;
mod hold_life;
mod ledger;
mod model;
mod plans;
mod rest;
mod snapshots;
mod stock;

use std::time::Duration;

use bloom_contract_inventory as proto;
use bloom_contract_inventory::inventory_client::InventoryClient;
use bloom_contract_platform::CheckRequest;
use bloom_contract_platform::platform_client::PlatformClient;
use bloom_fault::Fault;
use bloom_kernel::{HoldId, LocationId, OrderId, VariantId};
use bloom_runtime::{Peer, RequestContext};
use bloom_testkit::{TestClient, TestEnv};
use serde_json::{Value, json};

use crate::{NAME, SERVICE};

/// The service in a schema of its own.
struct Fixture {
    env: TestEnv,
    client: TestClient,
    grpc: InventoryClient<Peer>,
}

async fn fixture() -> Fixture {
    let env = TestEnv::of(&SERVICE).await;
    let client = env.serve(&SERVICE).await;
    let grpc = InventoryClient::new(env.host.peers.get(NAME));
    Fixture { env, client, grpc }
}

impl Fixture {
    fn call(&self) -> RequestContext {
        self.env.call()
    }

    fn id<T: From<uuid::Uuid>>(&self) -> T {
        self.env.host.id(self.env.tenant)
    }

    async fn location(&self, code: &str, priority: i32) -> LocationId {
        let input = json!({ "code": code, "name": code, "priority": priority });
        let answer = self.client.post("/v1/inventory/locations").json(&input).send().await.expect(201);
        answer.id().parse().unwrap()
    }

    /// A new variant with these units at each location.
    async fn variant(&self, stock: &[(LocationId, i64)]) -> VariantId {
        let variant: VariantId = self.id();
        for (location, units) in stock {
            let input = json!({ "variant_id": variant, "location_id": location, "on_hand": units });
            let _ = self.client.post("/v1/inventory/items").json(&input).send().await.expect(201);
        }
        variant
    }

    async fn settings(&self, variant: VariantId, location: LocationId, settings: &Value) {
        let path = format!("/v1/inventory/items/{variant}/{location}");
        let version = self.client.get(&path).send().await.expect(200).version();
        let _ = self.client.patch(&path).if_match(version).json(settings).send().await.expect(200);
    }

    async fn item(&self, variant: VariantId, location: LocationId) -> Value {
        self.client.get(&format!("/v1/inventory/items/{variant}/{location}")).send().await.expect(200).json
    }

    /// On hand, allocated, held, sellable.
    async fn levels(&self, variant: VariantId, location: LocationId) -> [i64; 4] {
        let item = self.item(variant, location).await;
        ["on_hand", "allocated", "held", "sellable"].map(|level| item[level].as_i64().unwrap())
    }

    fn wanted(&self, lines: &[(VariantId, i64)], locations: &[LocationId]) -> proto::HoldRequest {
        let hold_id: HoldId = self.id();
        proto::HoldRequest {
            hold_id: hold_id.to_string(),
            location_ids: locations.iter().map(ToString::to_string).collect(),
            lines: lines
                .iter()
                .enumerate()
                .map(|(index, (variant, quantity))| proto::HoldLine {
                    line_id: format!("line-{index}"),
                    variant_id: variant.to_string(),
                    quantity: *quantity,
                })
                .collect(),
            ttl_seconds: 600,
        }
    }

    async fn hold(&self, request: &proto::HoldRequest) -> Result<proto::HoldReply, Fault> {
        let request = self.env.host.request(&self.call(), request.clone());
        Ok(self.grpc.clone().hold(request).await.map_err(Fault::from)?.into_inner())
    }

    /// Holds units of one variant.
    async fn take(&self, variant: VariantId, quantity: i64) -> Result<proto::HoldReply, Fault> {
        self.hold(&self.wanted(&[(variant, quantity)], &[])).await
    }

    async fn extend(&self, hold_id: &str, ttl_seconds: i64) -> Result<proto::HoldReply, Fault> {
        let message = proto::ExtendHoldRequest { hold_id: hold_id.to_owned(), ttl_seconds };
        let request = self.env.host.request(&self.call(), message);
        Ok(self.grpc.clone().extend_hold(request).await.map_err(Fault::from)?.into_inner())
    }

    async fn release(&self, hold_id: &str) -> Result<proto::HoldReply, Fault> {
        let request = self.env.host.request(&self.call(), proto::HoldRef { hold_id: hold_id.to_owned() });
        Ok(self.grpc.clone().release_hold(request).await.map_err(Fault::from)?.into_inner())
    }

    async fn commit(&self, hold_id: &str, order: OrderId) -> Result<Vec<proto::Allocation>, Fault> {
        let message = proto::CommitHoldRequest { hold_id: hold_id.to_owned(), order_id: order.to_string() };
        let request = self.env.host.request(&self.call(), message);
        Ok(self.grpc.clone().commit_hold(request).await.map_err(Fault::from)?.into_inner().allocations)
    }

    async fn ship(&self, operation: &str, order: OrderId, allocations: &[proto::Allocation]) -> Result<(), Fault> {
        let request = self.env.host.request(&self.call(), change(operation, order, allocations));
        self.grpc.clone().ship_allocation(request).await.map(drop).map_err(Fault::from)
    }

    async fn give_back(&self, operation: &str, order: OrderId, allocations: &[proto::Allocation]) -> Result<(), Fault> {
        let request = self.env.host.request(&self.call(), change(operation, order, allocations));
        self.grpc.clone().release_allocation(request).await.map(drop).map_err(Fault::from)
    }

    /// The names of broken invariants.
    async fn breaches(&self) -> Vec<String> {
        let mut client = PlatformClient::new(self.env.host.peers.get(NAME));
        let request = self.env.host.request(&self.call(), CheckRequest {});
        let reply = client.check(request).await.unwrap().into_inner();
        assert!(reply.checked.len() > 4, "{:?}", reply.checked);
        reply.breaches.into_iter().map(|breach| breach.invariant).collect()
    }

    /// Waits until the query returns a row, and returns its value.
    async fn eventually(&self, query: &'static str) -> String {
        let mut conn = self.env.superuser().await;
        let mut look = tokio::time::interval(Duration::from_millis(10));
        let found = tokio::time::timeout(Duration::from_secs(10), async {
            loop {
                look.tick().await;
                if let Some(found) = sqlx::query_scalar::<_, String>(query).fetch_optional(&mut conn).await.unwrap() {
                    return found;
                }
            }
        });
        found.await.unwrap_or_else(|_| panic!("never found: {query}"))
    }
}

fn change(operation: &str, order: OrderId, allocations: &[proto::Allocation]) -> proto::AllocationChange {
    proto::AllocationChange { operation_id: operation.to_owned(), order_id: order.to_string(), allocations: allocations.to_vec() }
}
