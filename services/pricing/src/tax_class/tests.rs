//! Tax classes through REST.

use bloom_testkit::assert_schema_agrees;
use chrono::TimeDelta;
use insta::assert_json_snapshot;
use serde_json::json;

use super::model::{TaxClassCreate, TaxClassUpdate};
use crate::tests::{fixture, text, with_stable_ids};

#[tokio::test]
async fn one_class_is_the_default() {
    let fixture = fixture().await;
    let first = fixture.create("tax-classes", json!({ "code": "standard", "name": "Standard", "is_default": true })).await;
    let second = fixture.create("tax-classes", json!({ "code": "food", "name": "Food", "is_default": true })).await;
    let first_path = format!("tax-classes/{}", text(&first["id"]));
    let read = fixture.client.get(&format!("/v1/pricing/{first_path}")).send().await.expect(200);
    assert_eq!((&read.json["is_default"], read.version()), (&json!(false), 2));
    fixture.update(&first_path, json!({ "is_default": true })).await;
    let second_path = format!("/v1/pricing/tax-classes/{}", text(&second["id"]));
    assert_eq!(fixture.client.get(&second_path).send().await.expect(200).json["is_default"], false);
    let events = fixture.events(&text(&second["id"])).await;
    assert_eq!(events, [("tax_class.created".to_owned(), 1), ("tax_class.updated".to_owned(), 2)]);
    let taken = json!({ "code": "food", "name": "Food again" });
    assert_eq!(fixture.client.post("/v1/pricing/tax-classes").json(&taken).send().await.expect(409).code(), "code_taken");
    let all = fixture.client.get("/v1/pricing/tax-classes?limit=1").send().await.expect(200).json;
    assert!(all["page"]["next"].is_string());
}

#[tokio::test]
async fn bodies_events_and_problems_of_a_tax_class() {
    let fixture = fixture().await;
    let input = json!({ "code": "standard", "name": "Standard", "is_default": true });
    let created = fixture.create("tax-classes", input.clone()).await;
    fixture.env.clock.advance(TimeDelta::hours(1));
    let updated = fixture.update(&format!("tax-classes/{}", text(&created["id"])), json!({ "name": "All goods" })).await;
    let taken = fixture.client.post("/v1/pricing/tax-classes").json(&input).send().await.expect(409).json;
    assert_json_snapshot!(with_stable_ids(json!({
        "created": created, "updated": updated, "taken": taken,
        "page": fixture.client.get("/v1/pricing/tax-classes").send().await.expect(200).json,
        "events": fixture.event_documents(&text(&created["id"])).await,
    })));
}

#[test]
fn inputs_agree_with_their_schemas() {
    let class = json!({ "code": "standard", "name": "Standard", "is_default": true });
    assert_schema_agrees::<TaxClassCreate>([class.clone()]);
    assert_schema_agrees::<TaxClassUpdate>([class]);
}
