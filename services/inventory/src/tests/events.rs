//! Published events: each change of a location or hold, and the present state of changed stock.

use bloom_contract_platform::platform_client::PlatformClient;
use bloom_contract_platform::{ExportStateRequest, StateRecord};
use bloom_kernel::VariantId;
use chrono::TimeDelta;
use serde_json::{Value, json};

use super::{Fixture, fixture};
use crate::NAME;

impl Fixture {
    async fn published(&self, kind: &str, aggregate: &str) -> Vec<(i64, Value)> {
        let mut conn = self.env.superuser().await;
        sqlx::query_as::<_, (i64, String)>("select version, data from outbox where kind like $1 and aggregate = $2 order by seq")
            .bind(format!("%{kind}"))
            .bind(aggregate)
            .fetch_all(&mut conn)
            .await
            .unwrap()
            .into_iter()
            .map(|(version, data)| (version, serde_json::from_str(&data).unwrap()))
            .collect()
    }

    /// The last stock event of a variant, once no mark is left.
    async fn stock_event(&self, variant: VariantId) -> (i64, Value) {
        self.eventually("select 'at rest' where not exists (select from stock_dirty)").await;
        self.published("stock.updated", &variant.to_string()).await.pop().expect("an event of the variant")
    }

    async fn exported(&self) -> Vec<StateRecord> {
        let mut client = PlatformClient::new(self.env.host.peers.get(NAME));
        let (mut records, mut after) = (Vec::new(), String::new());
        loop {
            let message = ExportStateRequest { kinds: Vec::new(), after: after.clone(), limit: 2 };
            let mut stream = client.export_state(self.env.host.request(&self.call(), message)).await.unwrap().into_inner();
            let before = records.len();
            while let Some(record) = stream.message().await.unwrap() {
                records.push(record);
            }
            match records.last().filter(|_| before < records.len()) {
                Some(last) => after.clone_from(&last.cursor),
                None => return records,
            }
        }
    }
}

#[tokio::test]
async fn stock_events_show_the_levels_of_all_locations() {
    let fixture = fixture().await;
    let (first, second) = (fixture.location("A", 2).await, fixture.location("B", 1).await);
    let variant = fixture.variant(&[(first, 5), (second, 1)]).await;
    fixture.settings(variant, second, &json!({ "backorder_limit": 4 })).await;
    let hold = fixture.take(variant, 2).await.unwrap();
    fixture.commit(&hold.hold_id, fixture.id()).await.unwrap();
    fixture.take(variant, 1).await.unwrap();
    let (_, data) = fixture.stock_event(variant).await;
    assert_eq!(
        data,
        json!({ "variant_id": variant, "items": [
            { "location_id": second, "location_code": "B", "priority": 1, "on_hand": 1, "allocated": 0, "held": 1,
              "safety_stock": 0, "backorder_limit": 4, "available": 0, "sellable": 4 },
            { "location_id": first, "location_code": "A", "priority": 2, "on_hand": 5, "allocated": 2, "held": 0,
              "safety_stock": 0, "backorder_limit": 0, "available": 3, "sellable": 3 },
        ] })
    );
}

#[tokio::test]
async fn versions_rise_by_one_and_bursts_are_coalesced() {
    let fixture = fixture().await;
    let shop = fixture.location("A", 0).await;
    let variant = fixture.variant(&[(shop, 100)]).await;
    futures::future::join_all((0..100).map(|_| fixture.take(variant, 1))).await;
    let (last, data) = fixture.stock_event(variant).await;
    assert_eq!(data["items"][0]["held"], 100);
    let versions: Vec<i64> = fixture.published("stock.updated", &variant.to_string()).await.iter().map(|e| e.0).collect();
    assert_eq!(versions, (1..=last).collect::<Vec<_>>());
    assert!(last < 100, "{last} events of 101 changes");
}

#[tokio::test]
async fn a_mark_left_by_a_killed_process_is_published() {
    let fixture = fixture().await;
    let shop = fixture.location("A", 0).await;
    let variant = fixture.variant(&[(shop, 1)]).await;
    fixture.stock_event(variant).await;
    // A change whose process was killed right after the commit, before it could notify the publisher.
    let mut conn = fixture.env.superuser().await;
    sqlx::query(
        "insert into movement (tenant_id, id, variant_id, location_id, kind, on_hand_delta, allocated_delta, held_delta, actor, occurred_at)
         select tenant_id, gen_random_uuid(), variant_id, location_id, 'received', 6, 0, 0, 'x', updated_at from stock_item",
    )
    .execute(&mut conn)
    .await
    .unwrap();
    assert_eq!(fixture.stock_event(variant).await.1["items"][0]["on_hand"], 7);
}

#[tokio::test]
async fn a_location_change_is_published_and_its_stock_again() {
    let fixture = fixture().await;
    let shop = fixture.location("A", 0).await;
    let variant = fixture.variant(&[(shop, 3)]).await;
    let path = format!("/v1/inventory/locations/{shop}");
    let changed = fixture.client.patch(&path).if_match(1).json(&json!({ "code": "Z", "active": false })).send().await.expect(200);
    let created = fixture.published("location.created", &shop.to_string()).await;
    let updated = fixture.published("location.updated", &shop.to_string()).await;
    assert_eq!((created.len(), updated), (1, vec![(2, changed.json)]));
    let (_, data) = fixture.stock_event(variant).await;
    assert_eq!(data["items"][0]["location_code"], "Z");
    assert_eq!((&data["items"][0]["on_hand"], &data["items"][0]["sellable"]), (&3.into(), &0.into()));
}

#[tokio::test]
async fn changes_of_a_hold_are_published_in_order() {
    let fixture = fixture().await;
    let shop = fixture.location("A", 0).await;
    let variant = fixture.variant(&[(shop, 3)]).await;
    let hold = fixture.take(variant, 1).await.unwrap();
    fixture.env.clock.advance(TimeDelta::seconds(1));
    fixture.extend(&hold.hold_id, 900).await.unwrap();
    fixture.env.clock.advance(TimeDelta::seconds(1));
    let order: bloom_kernel::OrderId = fixture.id();
    fixture.commit(&hold.hold_id, order).await.unwrap();
    let events = fixture.published("", &hold.hold_id).await;
    let changes: Vec<_> = events.iter().map(|(version, data)| (*version, data["status"].as_str().unwrap())).collect();
    assert_eq!(changes, [(1, "active"), (2, "active"), (3, "committed")]);
    assert_eq!(events[2].1["order_id"], order.to_string());
    assert_eq!(events[2].1["lines"][0]["quantity"], 1);
    let shown = fixture.client.get(&format!("/v1/inventory/holds/{}", hold.hold_id)).send().await.expect(200);
    assert_eq!(events[2].1, shown.json);
}

#[tokio::test]
async fn the_export_equals_the_last_events() {
    let fixture = fixture().await;
    let shop = fixture.location("A", 0).await;
    let other = fixture.location("B", 1).await;
    let variants = [fixture.variant(&[(shop, 3), (other, 1)]).await, fixture.variant(&[(shop, 4)]).await];
    let hold = fixture.take(variants[0], 1).await.unwrap();
    fixture.release(&hold.hold_id).await.unwrap();
    fixture.stock_event(variants[0]).await;
    let records = fixture.exported().await;
    let kinds: Vec<_> = records.iter().map(|record| record.kind.as_str()).collect();
    let expected = ["location.updated", "location.updated", "stock.updated", "stock.updated", "hold.updated"];
    assert_eq!(kinds, expected);
    for record in records {
        let (version, data) = fixture.published("", &record.aggregate).await.pop().unwrap();
        assert_eq!((version, data), (record.version, serde_json::from_str(&record.data_json).unwrap()));
    }
}
