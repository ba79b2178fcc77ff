//! Availability, and bulk counts.

use bloom_contract_inventory as proto;
use bloom_fault::Fault;
use bloom_kernel::{LocationId, VariantId};
use bloom_runtime::{Audience, Scopes};
use bloom_runtime::{signed_context::Claims, signed_context::HEADER, signed_context::TTL_S, signed_context::sign};
use serde_json::json;

use super::{Fixture, fixture};

impl Fixture {
    async fn available(&self, variants: &[VariantId], locations: &[LocationId]) -> Vec<(i64, i64, bool)> {
        let message = proto::AvailabilityRequest {
            variant_ids: variants.iter().map(ToString::to_string).collect(),
            location_ids: locations.iter().map(ToString::to_string).collect(),
        };
        let request = self.env.host.request(&self.call(), message);
        let reply = self.grpc.clone().availability(request).await.unwrap().into_inner();
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
        let request = self.env.host.request(&self.call(), proto::SetStockRequest { rows, operation_id: operation.to_owned() });
        Ok(self.grpc.clone().set_stock(request).await.map_err(Fault::from)?.into_inner())
    }
}

/// An import that got no reply repeats its count, although units were sold in between.
#[tokio::test]
async fn a_repeated_count_does_not_restore_sold_units() {
    let fixture = fixture().await;
    fixture.location("BLR", 0).await;
    let variant: VariantId = fixture.id();
    let first = fixture.set_once("import-1", &[(variant, "BLR", 10), (variant, "NOWHERE", 1)]).await.unwrap();
    assert_eq!((first.changed, first.unknown_locations.clone()), (1, vec!["NOWHERE".to_owned()]));
    fixture.set(&[(variant, "BLR", 4)]).await.unwrap();
    let again = fixture.set_once("import-1", &[(variant, "BLR", 10), (variant, "NOWHERE", 1)]).await.unwrap();
    assert_eq!(again, first);
    assert_eq!(fixture.available(&[variant], &[]).await, [(4, 4, true)]);
    let other = fixture.set_once("import-1", &[(variant, "BLR", 11)]).await.unwrap_err();
    assert_eq!(other.reason, "idempotency_key_reused");
    fixture.set_once("import-2", &[(variant, "BLR", 10)]).await.unwrap();
    assert_eq!(fixture.available(&[variant], &[]).await, [(10, 10, true)]);
}

#[tokio::test]
async fn availability_equals_what_can_be_held() {
    let fixture = fixture().await;
    let (first, second) = (fixture.location("A", 0).await, fixture.location("B", 1).await);
    let variant = fixture.variant(&[(first, 4), (second, 2)]).await;
    fixture.settings(variant, first, &serde_json::json!({ "safety_stock": 1 })).await;
    fixture.settings(variant, second, &serde_json::json!({ "backorder_limit": 3 })).await;
    let unknown: VariantId = fixture.id();
    assert_eq!(fixture.available(&[unknown, variant], &[]).await, [(0, 0, false), (5, 8, true)]);
    assert_eq!(fixture.available(&[variant], &[first]).await, [(3, 3, true)]);
    assert_eq!(fixture.available(&[variant], &[fixture.id()]).await, [(0, 0, true)]);
    assert_eq!(fixture.take(variant, 9).await.unwrap_err().reason, "insufficient_stock");
    let hold = fixture.take(variant, 8).await.unwrap();
    let places: Vec<_> = hold.allocations.iter().map(|a| (a.location_id.clone(), a.quantity, a.backordered)).collect();
    assert_eq!(places, [(first.to_string(), 3, 0), (second.to_string(), 5, 3)]);
    assert_eq!(fixture.available(&[variant], &[]).await, [(0, 0, true)]);
}

#[tokio::test]
async fn locations_serve_in_the_given_order_or_by_priority() {
    let fixture = fixture().await;
    let (late, early) = (fixture.location("LATE", 9).await, fixture.location("EARLY", 1).await);
    let variant = fixture.variant(&[(late, 5), (early, 5)]).await;
    assert_eq!(fixture.take(variant, 1).await.unwrap().allocations[0].location_id, early.to_string());
    let given = fixture.hold(&fixture.wanted(&[(variant, 1)], &[late, early])).await.unwrap();
    assert_eq!(given.allocations[0].location_id, late.to_string());
    let only = fixture.hold(&fixture.wanted(&[(variant, 5)], &[late])).await.unwrap_err();
    assert_eq!(only.errors[0].message, "4 available");
}

#[tokio::test]
async fn an_inactive_location_sells_nothing() {
    let fixture = fixture().await;
    let shop = fixture.location("BLR", 0).await;
    let variant = fixture.variant(&[(shop, 5)]).await;
    let _ = fixture
        .client
        .patch(&format!("/v1/inventory/locations/{shop}"))
        .if_match(1)
        .json(&serde_json::json!({ "active": false }))
        .send()
        .await
        .expect(200);
    assert_eq!(fixture.available(&[variant], &[]).await, [(0, 0, true)]);
    assert_eq!(fixture.hold(&fixture.wanted(&[(variant, 1)], &[shop])).await.unwrap_err().reason, "insufficient_stock");
}

#[tokio::test]
async fn counts_in_bulk_are_set_and_repeat_without_effect() {
    let fixture = fixture().await;
    let (first, second) = (fixture.location("A", 0).await, fixture.location("B", 1).await);
    let (one, two): (VariantId, VariantId) = (fixture.id(), fixture.id());
    let rows = [(one, "A", 5), (two, "B", 0), (one, "B", 7), (one, "B", 8), (one, "NOWHERE", 1)];
    let reply = fixture.set(&rows).await.unwrap();
    assert_eq!((reply.changed, reply.unknown_locations), (2, vec!["NOWHERE".to_owned()]));
    assert_eq!(fixture.levels(one, first).await[0], 5);
    assert_eq!(fixture.levels(one, second).await[0], 8);
    assert_eq!(fixture.available(&[two], &[]).await, [(0, 0, true)]);
    assert_eq!(fixture.set(&rows).await.unwrap().changed, 0);
    assert_eq!(fixture.set(&[(one, "A", -1)]).await.unwrap_err().errors[0].pointer, "/rows/0/on_hand");
    assert!(fixture.breaches().await.is_empty());
}

#[tokio::test]
async fn a_thousand_rows_take_a_few_statements() {
    let fixture = fixture().await;
    fixture.location("A", 0).await;
    let rows: Vec<_> = (0..1_000).map(|n| (fixture.id(), "A", n)).collect();
    assert_eq!(fixture.set(&rows).await.unwrap().changed, 999);
    let mut conn = fixture.env.superuser().await;
    let movements: i64 = sqlx::query_scalar("select count(*) from movement").fetch_one(&mut conn).await.unwrap();
    assert_eq!(movements, 999);
    let mut more = rows.clone();
    more.push((fixture.id(), "A", 1));
    assert_eq!(fixture.set(&more).await.unwrap_err().errors[0].pointer, "/rows");
    assert!(fixture.breaches().await.is_empty());
}

#[tokio::test]
async fn locations_are_found_by_their_own_tenant() {
    let fixture = fixture().await;
    let (first, second) = (fixture.location("A", 0).await, fixture.location("B", 1).await);
    let path = format!("/v1/inventory/locations/{second}");
    let _ = fixture.client.patch(&path).if_match(1).json(&json!({ "active": false })).send().await.expect(200);
    let unknown_id: bloom_kernel::LocationId = fixture.id();
    let find = |tenant, location_ids: Vec<String>| {
        let mut call = fixture.call();
        call.tenant = tenant;
        let location_codes = ["A", "B", "C", "A\0"].map(str::to_owned).to_vec();
        let request = fixture.env.host.request(&call, proto::FindLocationsRequest { location_ids, location_codes });
        let mut client = fixture.grpc.clone();
        async move { client.find_locations(request).await }
    };
    let ids = vec![first.to_string(), second.to_string(), unknown_id.to_string(), "garbled".to_owned()];
    let reply = find(fixture.env.tenant, ids.clone()).await.unwrap().into_inner();
    let (mut found, mut codes) = (reply.location_ids, reply.location_codes);
    codes.sort_unstable();
    assert_eq!(codes, ["A", "B"]);
    found.sort_unstable();
    let mut there = vec![first.to_string(), second.to_string()];
    there.sort_unstable();
    assert_eq!(found, there, "one that does not serve exists all the same");
    let of_other_tenant = find(fixture.env.other_tenant, ids).await.unwrap().into_inner();
    assert_eq!((of_other_tenant.location_ids, of_other_tenant.location_codes), (Vec::new(), Vec::new()));
    let many = vec![first.to_string(); 101];
    assert_eq!(find(fixture.env.tenant, many).await.unwrap_err().code(), tonic::Code::InvalidArgument);
}

#[tokio::test]
async fn an_api_key_cannot_call_grpc() {
    let fixture = fixture().await;
    let host = &fixture.env.host;
    let call = |audience: Option<Audience>| {
        let mut request = tonic::Request::new(proto::FindLocationsRequest::default());
        if let Some(audience) = audience {
            let claims = Claims {
                tenant: fixture.env.tenant,
                cell: host.cell.to_string(),
                actor: "key:test".to_owned(),
                scopes: Scopes::all(),
                audience,
                channel: None,
                expires: host.platform_now().timestamp() + TTL_S,
            };
            request.metadata_mut().insert(HEADER, sign(&host.keys, &claims).parse().unwrap());
        }
        let mut client = fixture.grpc.clone();
        async move { client.find_locations(request).await.map_or_else(|status| status.code(), |_| tonic::Code::Ok) }
    };
    assert_eq!(call(None).await, tonic::Code::Unauthenticated);
    assert_eq!(call(Some(Audience::Secret)).await, tonic::Code::PermissionDenied);
    assert_eq!(call(Some(Audience::Publishable)).await, tonic::Code::PermissionDenied);
    assert_eq!(call(Some(Audience::Service)).await, tonic::Code::Ok);
}
