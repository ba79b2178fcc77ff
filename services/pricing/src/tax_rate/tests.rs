//! Tax rates through REST.

use bloom_kernel::{TaxClassId, TaxZoneId};
use bloom_testkit::assert_schema_agrees;
use chrono::TimeDelta;
use insta::assert_json_snapshot;
use serde_json::{Value, json};

use super::model::{TaxRateCreate, TaxRateUpdate};
use crate::tests::{fixture, text, with_stable_ids};

#[tokio::test]
async fn rates_add_up_to_no_more_than_the_whole() {
    let fixture = fixture().await;
    let class = fixture.create("tax-classes", json!({ "code": "standard", "name": "Standard" })).await;
    let zone = fixture.create("tax-zones", json!({ "name": "India", "areas": [{ "country": "IN" }] })).await;
    let rate = |name: &str, ppm: i64| json!({ "zone_id": zone["id"], "class_id": class["id"], "name": name, "rate_ppm": ppm });
    let make = |input: Value| fixture.client.post("/v1/pricing/tax-rates").json(&input).send();
    let cgst = make(rate("CGST", 90_000)).await.expect(201);
    let _ = make(rate("SGST", 90_000)).await.expect(201);
    assert_eq!(make(rate("SGST", 10_000)).await.expect(409).code(), "name_taken");
    assert_eq!(make(rate("all", 820_001)).await.expect(422).code(), "too_many_rates");
    for ppm in [-1, 1_000_001] {
        let _ = make(rate("bad", ppm)).await.expect(400);
    }
    let mut foreign = rate("x", 1);
    foreign["zone_id"] = json!(fixture.id::<TaxZoneId>());
    assert_eq!(make(foreign).await.expect(404).json["errors"][0]["pointer"], "/zone_id");
    let mut foreign = rate("x", 1);
    foreign["class_id"] = json!(fixture.id::<TaxClassId>());
    assert_eq!(make(foreign).await.expect(404).json["errors"][0]["pointer"], "/class_id");
    let theirs = fixture.client.post("/v1/pricing/tax-rates").tenant(fixture.env.other_tenant).json(&rate("x", 1)).send().await;
    let _ = theirs.expect(404);

    let path = format!("/v1/pricing/tax-rates/{}", cgst.id());
    let _ = fixture.client.patch(&path).if_match(1).json(&json!({ "rate_ppm": 920_000 })).send().await.expect(422);
    let _ = fixture.client.patch(&path).if_match(1).json(&json!({ "rate_ppm": 60_000 })).send().await.expect(200);
    let zone_path = format!("/v1/pricing/tax-zones/{}", text(&zone["id"]));
    assert_eq!(fixture.client.delete(&zone_path).if_match(1).send().await.expect(409).code(), "in_use");
    let _ = fixture.client.delete(&path).if_match(2).send().await.expect(204);
    let _ = fixture.client.get(&path).send().await.expect(404);
    let listed = format!("/v1/pricing/tax-rates?zone_id={}", text(&zone["id"]));
    assert_eq!(fixture.client.get(&listed).send().await.expect(200).json["data"][0]["name"], "SGST");
}

#[tokio::test]
async fn bodies_events_and_problems_of_a_tax_rate() {
    let fixture = fixture().await;
    let class = fixture.create("tax-classes", json!({ "code": "standard", "name": "Standard" })).await;
    let zone = fixture.create("tax-zones", json!({ "name": "India", "areas": [{ "country": "IN" }] })).await;
    let rate = |name: &str, ppm: i64| json!({ "zone_id": zone["id"], "class_id": class["id"], "name": name, "rate_ppm": ppm });
    let created = fixture.create("tax-rates", rate("GST", 180_000)).await;
    let id = text(&created["id"]);
    fixture.env.clock.advance(TimeDelta::hours(1));
    let updated = fixture.update(&format!("tax-rates/{id}"), json!({ "rate_ppm": 50_000 })).await;
    let page = fixture.client.get("/v1/pricing/tax-rates").send().await.expect(200).json;
    let post = |input: Value| fixture.client.post("/v1/pricing/tax-rates").json(&input).send();
    let too_high = post(rate("all", 950_001)).await.expect(422).json;
    let zone_in_use = fixture.client.delete(&format!("/v1/pricing/tax-zones/{}", text(&zone["id"]))).if_match(1);
    let zone_in_use = zone_in_use.send().await.expect(409).json;
    let _ = fixture.client.delete(&format!("/v1/pricing/tax-rates/{id}")).if_match(2).send().await.expect(204);
    assert_json_snapshot!(with_stable_ids(json!({
        "created": created, "updated": updated, "page": page, "too_high": too_high, "zone_in_use": zone_in_use,
        "events": fixture.event_documents(&id).await,
    })));
}

#[test]
fn inputs_agree_with_their_schemas() {
    let (zone, class) = ("tzon_01ke6p4ym1e009xjaawpn23581", "tcls_01ke6p4ym1e009xjaawpn23581");
    let create = json!({ "zone_id": zone, "class_id": class, "name": "GST", "rate_ppm": 180_000 });
    assert_schema_agrees::<TaxRateCreate>([create]);
    assert_schema_agrees::<TaxRateUpdate>([json!({ "name": "GST", "rate_ppm": 50_000 })]);
}
