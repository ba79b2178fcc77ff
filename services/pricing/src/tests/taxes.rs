//! Tax classes, zones, rates and settings through REST.

use bloom_kernel::{TaxClassId, TaxZoneId};
use serde_json::{Value, json};

use super::{stage, text};

#[tokio::test]
async fn one_class_is_the_default() {
    let stage = stage().await;
    let first = stage.made("tax-classes", json!({ "code": "standard", "name": "Standard", "is_default": true })).await;
    let second = stage.made("tax-classes", json!({ "code": "food", "name": "Food", "is_default": true })).await;
    let first_path = format!("tax-classes/{}", text(&first["id"]));
    let read = stage.door.get(&format!("/v1/pricing/{first_path}")).send().await.expect(200);
    assert_eq!((&read.json["is_default"], read.version()), (&json!(false), 2));
    stage.patched(&first_path, json!({ "is_default": true })).await;
    let second_path = format!("/v1/pricing/tax-classes/{}", text(&second["id"]));
    assert_eq!(stage.door.get(&second_path).send().await.expect(200).json["is_default"], false);
    let told = stage.events(&text(&second["id"])).await;
    assert_eq!(told, [("tax_class.created".to_owned(), 1), ("tax_class.updated".to_owned(), 2)]);
    let taken = json!({ "code": "food", "name": "Food again" });
    assert_eq!(stage.door.post("/v1/pricing/tax-classes").json(&taken).send().await.expect(409).code(), "code_taken");
    let all = stage.door.get("/v1/pricing/tax-classes?limit=1").send().await.expect(200).json;
    assert!(all["page"]["next"].is_string());
}

#[tokio::test]
async fn an_area_belongs_to_one_zone() {
    let stage = stage().await;
    let make = |areas: Value| stage.door.post("/v1/pricing/tax-zones").json(&json!({ "name": "Z", "areas": areas })).send();
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
    let _ = stage.door.patch(&path).if_match(1).json(&grab).send().await.expect(409);
    let moved = stage.door.patch(&path).if_match(1).json(&json!({ "areas": [{ "country": "MX" }] })).send().await.expect(200);
    assert_eq!(moved.json["areas"], json!([{ "country": "MX" }]));
    let listed = stage.door.get("/v1/pricing/tax-zones?country=US").send().await.expect(200).json;
    assert_eq!((listed["data"].as_array().unwrap().len(), &listed["data"][0]["id"]), (1, &us.json["id"]));
    let _ = stage.door.delete(&path).if_match(1).send().await.expect(412);
    let _ = stage.door.delete(&path).if_match(2).send().await.expect(204);
    let kinds: Vec<String> = stage.events(&ca.id()).await.into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, ["tax_zone.created", "tax_zone.updated", "tax_zone.deleted"]);
    let stranger = stage.door.get(&format!("/v1/pricing/tax-zones/{}", us.id())).tenant(stage.bench.other_tenant);
    let _ = stranger.send().await.expect(404);
    // What one tenant covers is not taken for another.
    let theirs = json!({ "name": "Z", "areas": [{ "country": "US" }] });
    let _ = stage.door.post("/v1/pricing/tax-zones").tenant(stage.bench.other_tenant).json(&theirs).send().await.expect(201);
}

#[tokio::test]
async fn rates_add_up_to_no_more_than_the_whole() {
    let stage = stage().await;
    let class = stage.made("tax-classes", json!({ "code": "standard", "name": "Standard" })).await;
    let zone = stage.made("tax-zones", json!({ "name": "India", "areas": [{ "country": "IN" }] })).await;
    let rate = |name: &str, ppm: i64| json!({ "zone_id": zone["id"], "class_id": class["id"], "name": name, "rate_ppm": ppm });
    let make = |input: Value| stage.door.post("/v1/pricing/tax-rates").json(&input).send();
    let cgst = make(rate("CGST", 90_000)).await.expect(201);
    let _ = make(rate("SGST", 90_000)).await.expect(201);
    assert_eq!(make(rate("SGST", 10_000)).await.expect(409).code(), "name_taken");
    assert_eq!(make(rate("all", 820_001)).await.expect(422).code(), "too_many_rates");
    for ppm in [-1, 1_000_001] {
        let _ = make(rate("bad", ppm)).await.expect(400);
    }
    let mut foreign = rate("x", 1);
    foreign["zone_id"] = json!(stage.id::<TaxZoneId>());
    assert_eq!(make(foreign).await.expect(404).json["errors"][0]["pointer"], "/zone_id");
    let mut foreign = rate("x", 1);
    foreign["class_id"] = json!(stage.id::<TaxClassId>());
    assert_eq!(make(foreign).await.expect(404).json["errors"][0]["pointer"], "/class_id");
    let theirs = stage.door.post("/v1/pricing/tax-rates").tenant(stage.bench.other_tenant).json(&rate("x", 1)).send().await;
    let _ = theirs.expect(404);

    let path = format!("/v1/pricing/tax-rates/{}", cgst.id());
    let _ = stage.door.patch(&path).if_match(1).json(&json!({ "rate_ppm": 920_000 })).send().await.expect(422);
    let _ = stage.door.patch(&path).if_match(1).json(&json!({ "rate_ppm": 60_000 })).send().await.expect(200);
    let zone_path = format!("/v1/pricing/tax-zones/{}", text(&zone["id"]));
    assert_eq!(stage.door.delete(&zone_path).if_match(1).send().await.expect(409).code(), "in_use");
    let _ = stage.door.delete(&path).if_match(2).send().await.expect(204);
    let _ = stage.door.get(&path).send().await.expect(404);
    let listed = format!("/v1/pricing/tax-rates?zone_id={}", text(&zone["id"]));
    assert_eq!(stage.door.get(&listed).send().await.expect(200).json["data"][0]["name"], "SGST");
}

#[tokio::test]
async fn settings_begin_with_defaults_and_are_guarded() {
    let stage = stage().await;
    let read = stage.door.get("/v1/pricing/settings").send().await.expect(200);
    assert_eq!(read.json, json!({ "rounding": "half_up", "base_lists_gross": true, "version": 0 }));
    // A tax that is set up first makes the row, and the version stays.
    stage.taxes(&[("DE", 190_000)]).await;
    let change = json!({ "rounding": "half_even" });
    let _ = stage.door.patch("/v1/pricing/settings").json(&change).send().await.expect(428);
    let changed = stage.door.patch("/v1/pricing/settings").if_match(0).json(&change).send().await.expect(200);
    assert_eq!((changed.version(), &changed.json["rounding"]), (1, &json!("half_even")));
    let _ = stage.door.patch("/v1/pricing/settings").if_match(0).json(&change).send().await.expect(412);
    let _ = stage.door.patch("/v1/pricing/settings").if_match(1).json(&json!({ "rounding": "up" })).send().await.expect(400);
    let stranger = stage.door.get("/v1/pricing/settings").tenant(stage.bench.other_tenant).send().await.expect(200);
    assert_eq!(stranger.json["rounding"], "half_up");
}
