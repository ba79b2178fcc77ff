//! Snapshots of whole bodies, events and problems of every resource.

use bloom_kernel::VariantId;
use bloom_testkit::Stable;
use chrono::TimeDelta;
use insta::assert_json_snapshot;
use serde_json::{Value, json};
use sqlx::Row as _;

use super::{Fixture, fixture};

/// Each resource once, as REST shows it; some of them have been updated.
async fn bodies(fixture: &Fixture) -> Value {
    let post = async |path: &str, body: Value| {
        // Ids of one moment have no order.
        fixture.env.clock.advance(TimeDelta::milliseconds(1));
        fixture.client.post(&format!("/v1/inventory{path}")).json(&body).send().await.expect(201).json
    };
    let location = post("/locations", json!({ "code": "BLR-1", "name": "Bengaluru", "priority": 3 })).await;
    let variant: VariantId = fixture.id();
    let item = post("/items", json!({ "variant_id": variant, "location_id": location["id"], "on_hand": 7 })).await;
    let line = json!({ "variant_id": variant, "location_id": location["id"], "quantity": 5 });
    let adjustment = post("/adjustments", json!({ "kind": "received", "reason": "Delivery 17", "lines": [line] })).await;
    let line = json!({ "line_id": "1", "variant_id": variant, "quantity": 4 });
    let hold = post("/holds", json!({ "lines": [line] })).await;
    let path = format!("/v1/inventory/locations/{}", location["id"].as_str().unwrap());
    let change = json!({ "name": "Bangalore", "active": false });
    let changed = fixture.client.patch(&path).if_match(1).json(&change).send().await.expect(200).json;
    let release = format!("/v1/inventory/holds/{}/release", hold["id"].as_str().unwrap());
    fixture.env.clock.advance(TimeDelta::milliseconds(1));
    let released = fixture.client.post(&release).send().await.expect(200).json;
    let movements = fixture.client.get("/v1/inventory/movements").send().await.expect(200).json;
    json!({
        "location_created": location, "item_created": item, "adjustment": adjustment, "hold_created": hold,
        "location_changed": changed, "hold_released": released, "movements": movements,
    })
}

#[tokio::test]
async fn bodies_and_events_of_every_resource() {
    let fixture = fixture().await;
    let mut stable = Stable::default();
    assert_json_snapshot!("bodies", stable.value(bodies(&fixture).await));
    fixture.eventually("select 'done' from outbox where kind = 'stock.updated' and not exists (select from stock_dirty)").await;
    let mut conn = fixture.env.superuser().await;
    let query = "select kind, version, actor, data::text from outbox where kind not like 'stock.%' order by seq";
    let rows = sqlx::query(query).fetch_all(&mut conn).await.unwrap();
    let event = |row: &sqlx::postgres::PgRow| {
        let data: Value = serde_json::from_str(&row.get::<String, _>("data")).unwrap();
        json!({ "kind": row.get::<String, _>("kind"), "version": row.get::<i64, _>("version"),
            "actor": row.get::<String, _>("actor"), "data": data })
    };
    assert_json_snapshot!("events", stable.value(rows.iter().map(event).collect()));
    let query = "select data::text from outbox where kind = 'stock.updated' order by version desc limit 1";
    let stock: String = sqlx::query_scalar(query).fetch_one(&mut conn).await.unwrap();
    assert_json_snapshot!("stock", stable.value(serde_json::from_str(&stock).unwrap()));
}

#[tokio::test]
async fn problems_of_every_kind() {
    let fixture = fixture().await;
    let shop = fixture.location("BLR", 0).await;
    let variant = fixture.variant(&[(shop, 1)]).await;
    let post = async |path: &str, body: Value| fixture.client.post(&format!("/v1/inventory{path}")).json(&body).send().await.json;
    let line = |quantity: i64| json!({ "line_id": "1", "variant_id": variant, "quantity": quantity });
    let problems = json!({
        "invalid": post("/locations", json!({ "code": "-", "name": " ", "priority": -1, "surprise": true })).await,
        "taken": post("/locations", json!({ "code": "BLR", "name": "x" })).await,
        "item_exists": post("/items", json!({ "variant_id": variant, "location_id": shop })).await,
        "unknown_location": post("/items", json!({ "variant_id": variant, "location_id": fixture.id::<bloom_kernel::LocationId>() })).await,
        "insufficient_stock": post("/holds", json!({ "lines": [line(2)] })).await,
        "too_many_units": post("/holds", json!({ "lines": [line(0)], "ttl_seconds": 0 })).await,
        "on_hand": post("/adjustments", json!({ "kind": "adjusted",
            "lines": [{ "variant_id": variant, "location_id": shop, "quantity": -2 }] })).await,
        "not_found": fixture.client.get("/v1/inventory/locations/loc_01jd6zv4x8e5yag7k3m2n9p0qr").send().await.json,
    });
    assert_json_snapshot!(Stable::default().value(problems));
}
