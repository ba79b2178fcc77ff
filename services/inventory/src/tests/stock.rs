//! Availability, and counts in bulk.

use bloom_contract_inventory as proto;
use bloom_fault::Fault;
use bloom_kernel::{LocationId, VariantId};
use bloom_runtime::{Audience, Scopes};
use bloom_runtime::{signed_context::Claims, signed_context::HEADER, signed_context::TTL_S, signed_context::sign};
use serde_json::json;

use super::{Stage, stage};

impl Stage {
    async fn available(&self, variants: &[VariantId], locations: &[LocationId]) -> Vec<(i64, i64, bool)> {
        let message = proto::AvailabilityRequest {
            variant_ids: variants.iter().map(ToString::to_string).collect(),
            location_ids: locations.iter().map(ToString::to_string).collect(),
        };
        let request = self.bench.host.request(&self.call(), message);
        let reply = self.client.clone().availability(request).await.unwrap().into_inner();
        reply.variants.iter().map(|v| (v.available, v.sellable, v.tracked)).collect()
    }

    async fn set(&self, rows: &[(VariantId, &str, i64)]) -> Result<proto::SetStockReply, Fault> {
        self.set_once("", rows).await
    }

    async fn set_once(&self, operation: &str, rows: &[(VariantId, &str, i64)]) -> Result<proto::SetStockReply, Fault> {
        let rows = rows
            .iter()
            .map(|(variant, code, on_hand)| proto::StockRow {
                variant_id: variant.to_string(),
                location_code: (*code).to_owned(),
                on_hand: *on_hand,
            })
            .collect();
        let request = self.bench.host.request(&self.call(), proto::SetStockRequest { rows, operation_id: operation.to_owned() });
        Ok(self.client.clone().set_stock(request).await.map_err(Fault::from)?.into_inner())
    }
}

/// An import that is not sure whether it was heard says again what it counted; meanwhile units were sold.
#[tokio::test]
async fn a_count_that_is_told_again_brings_nothing_back() {
    let stage = stage().await;
    stage.location("BLR", 0).await;
    let variant: VariantId = stage.id();
    let first = stage.set_once("import-1", &[(variant, "BLR", 10), (variant, "NOWHERE", 1)]).await.unwrap();
    assert_eq!((first.changed, first.unknown_locations.clone()), (1, vec!["NOWHERE".to_owned()]));
    stage.set(&[(variant, "BLR", 4)]).await.unwrap();
    let again = stage.set_once("import-1", &[(variant, "BLR", 10), (variant, "NOWHERE", 1)]).await.unwrap();
    assert_eq!(again, first);
    assert_eq!(stage.available(&[variant], &[]).await, [(4, 4, true)]);
    let other = stage.set_once("import-1", &[(variant, "BLR", 11)]).await.unwrap_err();
    assert_eq!(other.reason, "idempotency_key_reused");
    stage.set_once("import-2", &[(variant, "BLR", 10)]).await.unwrap();
    assert_eq!(stage.available(&[variant], &[]).await, [(10, 10, true)]);
}

#[tokio::test]
async fn what_is_shown_is_what_can_be_held() {
    let stage = stage().await;
    let (first, second) = (stage.location("A", 0).await, stage.location("B", 1).await);
    let variant = stage.variant(&[(first, 4), (second, 2)]).await;
    stage.settings(variant, first, &serde_json::json!({ "safety_stock": 1 })).await;
    stage.settings(variant, second, &serde_json::json!({ "backorder_limit": 3 })).await;
    let unknown: VariantId = stage.id();
    assert_eq!(stage.available(&[unknown, variant], &[]).await, [(0, 0, false), (5, 8, true)]);
    assert_eq!(stage.available(&[variant], &[first]).await, [(3, 3, true)]);
    assert_eq!(stage.available(&[variant], &[stage.id()]).await, [(0, 0, true)]);
    assert_eq!(stage.take(variant, 9).await.unwrap_err().reason, "insufficient_stock");
    let hold = stage.take(variant, 8).await.unwrap();
    let places: Vec<_> = hold.allocations.iter().map(|a| (a.location_id.clone(), a.quantity, a.backordered)).collect();
    assert_eq!(places, [(first.to_string(), 3, 0), (second.to_string(), 5, 3)]);
    assert_eq!(stage.available(&[variant], &[]).await, [(0, 0, true)]);
}

#[tokio::test]
async fn locations_are_asked_in_the_given_order_or_by_priority() {
    let stage = stage().await;
    let (late, early) = (stage.location("LATE", 9).await, stage.location("EARLY", 1).await);
    let variant = stage.variant(&[(late, 5), (early, 5)]).await;
    assert_eq!(stage.take(variant, 1).await.unwrap().allocations[0].location_id, early.to_string());
    let given = stage.hold(&stage.wanted(&[(variant, 1)], &[late, early])).await.unwrap();
    assert_eq!(given.allocations[0].location_id, late.to_string());
    let only = stage.hold(&stage.wanted(&[(variant, 5)], &[late])).await.unwrap_err();
    assert_eq!(only.errors[0].message, "4 available");
}

#[tokio::test]
async fn an_inactive_location_sells_nothing() {
    let stage = stage().await;
    let shop = stage.location("BLR", 0).await;
    let variant = stage.variant(&[(shop, 5)]).await;
    let _ = stage
        .door
        .patch(&format!("/v1/inventory/locations/{shop}"))
        .if_match(1)
        .json(&serde_json::json!({ "active": false }))
        .send()
        .await
        .expect(200);
    assert_eq!(stage.available(&[variant], &[]).await, [(0, 0, true)]);
    assert_eq!(stage.hold(&stage.wanted(&[(variant, 1)], &[shop])).await.unwrap_err().reason, "insufficient_stock");
}

#[tokio::test]
async fn counts_in_bulk_are_set_and_repeat_without_effect() {
    let stage = stage().await;
    let (first, second) = (stage.location("A", 0).await, stage.location("B", 1).await);
    let (one, two): (VariantId, VariantId) = (stage.id(), stage.id());
    let rows = [(one, "A", 5), (two, "B", 0), (one, "B", 7), (one, "B", 8), (one, "NOWHERE", 1)];
    let reply = stage.set(&rows).await.unwrap();
    assert_eq!((reply.changed, reply.unknown_locations), (2, vec!["NOWHERE".to_owned()]));
    assert_eq!(stage.levels(one, first).await[0], 5);
    assert_eq!(stage.levels(one, second).await[0], 8);
    assert_eq!(stage.available(&[two], &[]).await, [(0, 0, true)]);
    assert_eq!(stage.set(&rows).await.unwrap().changed, 0);
    assert_eq!(stage.set(&[(one, "A", -1)]).await.unwrap_err().errors[0].pointer, "/rows/0/on_hand");
    assert!(stage.breaches().await.is_empty());
}

#[tokio::test]
async fn a_thousand_rows_are_a_handful_of_statements() {
    let stage = stage().await;
    stage.location("A", 0).await;
    let rows: Vec<_> = (0..1_000).map(|n| (stage.id(), "A", n)).collect();
    assert_eq!(stage.set(&rows).await.unwrap().changed, 999);
    let mut conn = stage.bench.superuser().await;
    let movements: i64 = sqlx::query_scalar("select count(*) from movement").fetch_one(&mut conn).await.unwrap();
    assert_eq!(movements, 999);
    let mut more = rows.clone();
    more.push((stage.id(), "A", 1));
    assert_eq!(stage.set(&more).await.unwrap_err().errors[0].pointer, "/rows");
    assert!(stage.breaches().await.is_empty());
}

#[tokio::test]
async fn locations_are_found_by_their_own_tenant() {
    let stage = stage().await;
    let (first, second) = (stage.location("A", 0).await, stage.location("B", 1).await);
    let path = format!("/v1/inventory/locations/{second}");
    let _ = stage.door.patch(&path).if_match(1).json(&json!({ "active": false })).send().await.expect(200);
    let nobodys: bloom_kernel::LocationId = stage.id();
    let find = |tenant, location_ids: Vec<String>| {
        let mut call = stage.call();
        call.tenant = tenant;
        let request = stage.bench.host.request(&call, proto::FindLocationsRequest { location_ids });
        let mut client = stage.client.clone();
        async move { client.find_locations(request).await }
    };
    let ids = vec![first.to_string(), second.to_string(), nobodys.to_string(), "garbled".to_owned()];
    let mut found = find(stage.bench.tenant, ids.clone()).await.unwrap().into_inner().location_ids;
    found.sort_unstable();
    let mut there = vec![first.to_string(), second.to_string()];
    there.sort_unstable();
    assert_eq!(found, there, "one that does not serve exists all the same");
    assert_eq!(find(stage.bench.other_tenant, ids).await.unwrap().into_inner().location_ids, Vec::<String>::new());
    let many = vec![first.to_string(); 101];
    assert_eq!(find(stage.bench.tenant, many).await.unwrap_err().code(), tonic::Code::InvalidArgument);
}

#[tokio::test]
async fn a_key_opens_no_door_between_services() {
    let stage = stage().await;
    let host = &stage.bench.host;
    let ask = |audience: Option<Audience>| {
        let mut request = tonic::Request::new(proto::FindLocationsRequest { location_ids: Vec::new() });
        if let Some(audience) = audience {
            let claims = Claims {
                tenant: stage.bench.tenant,
                cell: host.cell.to_string(),
                actor: "key:test".to_owned(),
                scopes: Scopes::all(),
                audience,
                channel: None,
                expires: host.platform_now().timestamp() + TTL_S,
            };
            request.metadata_mut().insert(HEADER, sign(&host.keys, &claims).parse().unwrap());
        }
        let mut client = stage.client.clone();
        async move { client.find_locations(request).await.map_or_else(|status| status.code(), |_| tonic::Code::Ok) }
    };
    assert_eq!(ask(None).await, tonic::Code::Unauthenticated);
    assert_eq!(ask(Some(Audience::Secret)).await, tonic::Code::PermissionDenied);
    assert_eq!(ask(Some(Audience::Publishable)).await, tonic::Code::PermissionDenied);
    assert_eq!(ask(Some(Audience::Service)).await, tonic::Code::Ok);
}
