//! Delivery options.

use serde_json::json;

use super::{Stage, problems};

#[tokio::test]
async fn tables_are_checked_and_options_kept_apart_by_tenant() {
    let stage = Stage::open().await;
    let option = |charge: serde_json::Value| json!({ "code": "x", "name": "X", "currency": "INR", "charge": charge });
    for (charge, pointer) in [
        (json!({ "type": "flat", "amount": -1 }), "/charge/amount"),
        (json!({ "type": "flat", "amount": i64::MAX }), "/charge/amount"),
        (json!({ "type": "weight", "steps": [] }), "/charge/steps"),
        (
            json!({ "type": "weight", "steps": [{ "up_to_grams": 5, "amount": 1 }, { "up_to_grams": 5, "amount": 1 }] }),
            "/charge/steps/1/up_to_grams",
        ),
    ] {
        let refused = stage.door.post("/v1/delivery-options").json(&option(charge)).send().await.expect(400);
        assert_eq!(refused.json["errors"][0]["pointer"], pointer);
    }
    let flat = option(json!({ "type": "flat", "amount": 700 }));
    let made = stage.door.post("/v1/delivery-options").json(&flat).send().await.expect(201);
    let taken = stage.door.post("/v1/delivery-options").json(&flat).send().await.expect(409);
    assert_eq!(taken.code(), "code_taken");
    let path = format!("/v1/delivery-options/{}", made.id());
    stage.door.get(&path).tenant(stage.bench.other_tenant).send().await.expect(404);
    stage.door.post("/v1/delivery-options").publishable(&["carts:write"]).json(&flat).send().await.expect(403);
    let mut foreign = flat.clone();
    foreign["code"] = json!("y");
    foreign["channel_id"] = json!("chan_01jd6zv4x8e5yag7k3m2n9p0qr");
    stage.door.post("/v1/delivery-options").json(&foreign).send().await.expect(404);
    foreign["channel_id"] = json!(null);
    foreign["tax_class_id"] = json!("tcls_01jd6zv4x8e5yag7k3m2n9p0qr");
    let unknown = stage.door.post("/v1/delivery-options").json(&foreign).send().await.expect(404);
    assert_eq!(unknown.json["errors"][0]["pointer"], "/tax_class_id");

    let listed = stage.door.get("/v1/delivery-options?limit=1").send().await.expect(200);
    let next = listed.json["page"]["next"].as_str().expect("there is a second page").to_owned();
    let rest = stage.door.get(&format!("/v1/delivery-options?limit=1&cursor={next}")).send().await.expect(200);
    assert_ne!(listed.json["data"][0]["id"], rest.json["data"][0]["id"]);
    stage.door.get(&format!("/v1/delivery-options?limit=1&active=true&cursor={next}")).send().await.expect(400);
}

#[tokio::test]
async fn an_option_that_is_switched_off_is_a_problem() {
    let stage = Stage::open().await;
    let (guest, _) = stage.guest().await;
    let choices = format!("/v1/carts/{}/delivery-options", guest.id);
    let choices = || Stage::shop(stage.door.get(&choices), &guest.token).send();
    assert_eq!(choices().await.expect(200).json["data"][0]["price"]["amount"], 100);
    let path = format!("/v1/delivery-options/{}", stage.delivery);
    stage.door.patch(&path).json(&json!({ "active": false })).send().await.expect(428);
    stage.door.patch(&path).if_match(9).json(&json!({ "active": false })).send().await.expect(412);
    stage.door.patch(&path).if_match(1).json(&json!({ "active": false })).send().await.expect(200);
    assert_eq!(problems(&stage.read(&guest).await), ["delivery_option_unavailable"]);
    assert_eq!(choices().await.json["data"], json!([]));
}

#[tokio::test]
async fn an_option_that_cannot_be_is_refused_by_field() {
    let stage = Stage::open().await;
    let good = json!({ "code": "x", "name": "X", "currency": "INR", "charge": { "type": "flat", "amount": 100 } });
    for (field, wrong, pointer, message) in [
        ("countries", json!(["IN", "ZZ"]), "/countries/1", "Give ISO 3166-1 alpha-2 codes, for example IN."),
        ("name", json!("a\0b"), "/name", "A name has 1 to 200 characters, none of them a control character."),
        ("charge", json!({ "type": "flat", "amount": "x" }), "/charge/amount", "must be a whole number"),
        ("charge", json!({ "type": "flat", "amount": 1e30 }), "/charge/amount", "must be a whole number from 0 to 1000000000000"),
        ("position", json!(9_999_999_999_i64), "/position", "must be a whole number from -2147483648 to 2147483647"),
    ] {
        let mut body = good.clone();
        body[field] = wrong;
        let refused = stage.door.post("/v1/delivery-options").json(&body).send().await.expect(400);
        let said = (&refused.json["errors"][0]["pointer"], &refused.json["errors"][0]["message"]);
        assert_eq!(said, (&json!(pointer), &json!(message)), "{}", refused.text);
    }
}

#[tokio::test]
async fn an_option_serves_its_countries_and_weights() {
    let stage = Stage::open().await;
    let (guest, _) = stage.guest().await;
    let path = format!("/v1/carts/{}", guest.id);
    let mut abroad = super::address();
    abroad["country"] = json!("DE");
    let there = Stage::shop(stage.door.patch(&path), &guest.token).if_match(1);
    let moved = there.json(&json!({ "shipping_address": abroad })).send().await.expect(200);
    assert_eq!(problems(&moved), ["delivery_option_unavailable"]);
    let back = Stage::shop(stage.door.patch(&path), &guest.token).if_match(2);
    back.json(&json!({ "shipping_address": super::address() })).send().await.expect(200);
    let heavy = json!({ "lines": [{ "variant_id": stage.lamp, "quantity": 4 }] });
    let heavy = Stage::shop(stage.door.post(&format!("{path}/lines")), &guest.token).if_match(3).json(&heavy).send().await;
    assert_eq!(problems(&heavy.expect(200)), ["delivery_option_unavailable"], "24 kg are above the table");
}
