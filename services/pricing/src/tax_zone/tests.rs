//! Tax zones through REST.

use bloom_testkit::assert_schema_agrees;
use chrono::TimeDelta;
use insta::assert_json_snapshot;
use serde_json::{Value, json};

use super::model::{TaxZoneCreate, TaxZoneUpdate};
use crate::tests::{fixture, text, with_stable_ids};

#[tokio::test]
async fn an_area_belongs_to_one_zone() {
    let fixture = fixture().await;
    let make = |areas: Value| fixture.client.post("/v1/pricing/tax-zones").json(&json!({ "name": "Z", "areas": areas })).send();
    let us = make(json!([{ "country": "US" }, { "country": "US", "region": "ny", "postal_prefix": "100-0" }])).await.expect(201);
    assert_eq!(us.json["areas"][1], json!({ "country": "US", "region": "NY", "postal_prefix": "1000" }));
    let taken = make(json!([{ "country": "CA" }, { "country": "US" }])).await.expect(409);
    assert_eq!((taken.code(), &taken.json["errors"][0]["pointer"]), ("area_taken", &json!("/areas")));
    let ca = make(json!([{ "country": "CA" }])).await.expect(201);
    for areas in
        [json!([]), json!([{ "country": "CA" }, { "country": "CA" }]), json!([{ "country": "ZZ" }]), json!([{ "land": "CA" }])]
    {
        let _ = make(areas).await.expect(400);
    }
    let path = format!("/v1/pricing/tax-zones/{}", ca.id());
    let grab = json!({ "areas": [{ "country": "US" }] });
    let _ = fixture.client.patch(&path).if_match(1).json(&grab).send().await.expect(409);
    let moved = fixture.client.patch(&path).if_match(1).json(&json!({ "areas": [{ "country": "MX" }] })).send().await.expect(200);
    assert_eq!(moved.json["areas"], json!([{ "country": "MX" }]));
    let listed = fixture.client.get("/v1/pricing/tax-zones?country=US").send().await.expect(200).json;
    assert_eq!((listed["data"].as_array().unwrap().len(), &listed["data"][0]["id"]), (1, &us.json["id"]));
    let _ = fixture.client.delete(&path).if_match(1).send().await.expect(412);
    let _ = fixture.client.delete(&path).if_match(2).send().await.expect(204);
    let kinds: Vec<String> = fixture.events(&ca.id()).await.into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, ["tax_zone.created", "tax_zone.updated", "tax_zone.deleted"]);
    let other = fixture.client.get(&format!("/v1/pricing/tax-zones/{}", us.id())).tenant(fixture.env.other_tenant);
    let _ = other.send().await.expect(404);
    // What one tenant covers is not taken for another.
    let theirs = json!({ "name": "Z", "areas": [{ "country": "US" }] });
    let _ = fixture.client.post("/v1/pricing/tax-zones").tenant(fixture.env.other_tenant).json(&theirs).send().await.expect(201);
}

#[tokio::test]
async fn bodies_events_and_problems_of_a_tax_zone() {
    let fixture = fixture().await;
    let areas = json!([{ "country": "US", "region": "ny", "postal_prefix": "100-0" }, { "country": "CA" }]);
    let created = fixture.create("tax-zones", json!({ "name": "North", "areas": areas })).await;
    let id = text(&created["id"]);
    let path = format!("/v1/pricing/tax-zones/{id}");
    fixture.env.clock.advance(TimeDelta::hours(1));
    let updated = fixture.update(&format!("tax-zones/{id}"), json!({ "areas": [{ "country": "CA" }] })).await;
    let page = fixture.client.get("/v1/pricing/tax-zones").send().await.expect(200).json;
    let post = |areas: Value| fixture.client.post("/v1/pricing/tax-zones").json(&json!({ "name": "Z", "areas": areas })).send();
    let taken = post(json!([{ "country": "CA" }])).await.expect(409).json;
    let duplicate = post(json!([{ "country": "DE" }, { "country": "DE" }])).await.expect(400).json;
    let _ = fixture.client.delete(&path).if_match(2).send().await.expect(204);
    assert_json_snapshot!(with_stable_ids(json!({
        "created": created, "updated": updated, "page": page, "taken": taken, "duplicate": duplicate,
        "events": fixture.event_documents(&id).await,
    })));
}

#[test]
fn inputs_agree_with_their_schemas() {
    let zone = json!({ "name": "Pune", "areas": [{ "country": "IN", "region": "mh", "postal_prefix": "411-0" }] });
    assert_schema_agrees::<TaxZoneCreate>([zone.clone()]);
    assert_schema_agrees::<TaxZoneUpdate>([zone]);
}
