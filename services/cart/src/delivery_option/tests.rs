//! Tests of delivery options.

use proptest::prelude::*;
use serde_json::json;

use bloom_kernel::Items;

use super::model::{ChargeAmount, DeliveryCharge, DeliveryOptionCreate, DeliveryOptionUpdate, DeliveryWeightStep, Grams};
use crate::tests::{Fixture, address, problems, storefront};

#[tokio::test]
async fn options_are_validated_and_belong_to_one_tenant() {
    let fixture = Fixture::new().await;
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
        let refused = fixture.client.post("/v1/delivery-options").json(&option(charge)).send().await.expect(400);
        assert_eq!(refused.json["errors"][0]["pointer"], pointer);
    }
    let flat = option(json!({ "type": "flat", "amount": 700 }));
    let made = fixture.client.post("/v1/delivery-options").json(&flat).send().await.expect(201);
    let taken = fixture.client.post("/v1/delivery-options").json(&flat).send().await.expect(409);
    assert_eq!(taken.code(), "code_taken");
    let path = format!("/v1/delivery-options/{}", made.id());
    fixture.client.get(&path).tenant(fixture.env.other_tenant).send().await.expect(404);
    fixture.client.post("/v1/delivery-options").publishable(&["carts:write"]).json(&flat).send().await.expect(403);
    let mut foreign = flat.clone();
    foreign["code"] = json!("y");
    foreign["channel_id"] = json!("chan_01jd6zv4x8e5yag7k3m2n9p0qr");
    fixture.client.post("/v1/delivery-options").json(&foreign).send().await.expect(404);
    foreign["channel_id"] = json!(null);
    foreign["tax_class_id"] = json!("tcls_01jd6zv4x8e5yag7k3m2n9p0qr");
    let unknown = fixture.client.post("/v1/delivery-options").json(&foreign).send().await.expect(404);
    assert_eq!(unknown.json["errors"][0]["pointer"], "/tax_class_id");

    let listed = fixture.client.get("/v1/delivery-options?limit=1").send().await.expect(200);
    let next = listed.json["page"]["next"].as_str().expect("there is a second page").to_owned();
    let rest = fixture.client.get(&format!("/v1/delivery-options?limit=1&cursor={next}")).send().await.expect(200);
    assert_ne!(listed.json["data"][0]["id"], rest.json["data"][0]["id"]);
    fixture.client.get(&format!("/v1/delivery-options?limit=1&active=true&cursor={next}")).send().await.expect(400);
}

#[tokio::test]
async fn an_inactive_option_is_a_problem_of_the_cart() {
    let fixture = Fixture::new().await;
    let (guest, _) = fixture.guest().await;
    let choices = format!("/v1/carts/{}/delivery-options", guest.id);
    let choices = || storefront(fixture.client.get(&choices), &guest.token).send();
    assert_eq!(choices().await.expect(200).json["data"][0]["price"]["amount"], 100);
    let path = format!("/v1/delivery-options/{}", fixture.delivery);
    fixture.client.patch(&path).json(&json!({ "active": false })).send().await.expect(428);
    fixture.client.patch(&path).if_match(9).json(&json!({ "active": false })).send().await.expect(412);
    fixture.client.patch(&path).if_match(1).json(&json!({ "active": false })).send().await.expect(200);
    assert_eq!(problems(&fixture.read(&guest).await), ["delivery_option_unavailable"]);
    assert_eq!(choices().await.json["data"], json!([]));
}

#[tokio::test]
async fn bad_options_are_refused_by_field() {
    let fixture = Fixture::new().await;
    let good = json!({ "code": "x", "name": "X", "currency": "INR", "charge": { "type": "flat", "amount": 100 } });
    for (field, wrong, pointer, message) in [
        ("countries", json!(["IN", "ZZ"]), "/countries/1", "Give the country's ISO 3166-1 alpha-2 code, for example IN."),
        ("name", json!("a\0b"), "/name", "A name has 1 to 200 characters, none of them a control character."),
        ("charge", json!({ "type": "flat", "amount": "x" }), "/charge/amount", "must be a whole number"),
        ("charge", json!({ "type": "flat", "amount": 1e30 }), "/charge/amount", "must be a whole number from 0 to 1000000000000"),
        ("position", json!(9_999_999_999_i64), "/position", "must be a whole number from -2147483648 to 2147483647"),
    ] {
        let mut body = good.clone();
        body[field] = wrong;
        let refused = fixture.client.post("/v1/delivery-options").json(&body).send().await.expect(400);
        let refusal = (&refused.json["errors"][0]["pointer"], &refused.json["errors"][0]["message"]);
        assert_eq!(refusal, (&json!(pointer), &json!(message)), "{}", refused.text);
    }
}

#[tokio::test]
async fn an_option_serves_its_countries_and_weights() {
    let fixture = Fixture::new().await;
    let (guest, _) = fixture.guest().await;
    let path = format!("/v1/carts/{}", guest.id);
    let mut abroad = address();
    abroad["country"] = json!("DE");
    let there = storefront(fixture.client.patch(&path), &guest.token).if_match(1);
    let moved = there.json(&json!({ "shipping_address": abroad })).send().await.expect(200);
    assert_eq!(problems(&moved), ["delivery_option_unavailable"]);
    let back = storefront(fixture.client.patch(&path), &guest.token).if_match(2);
    back.json(&json!({ "shipping_address": address() })).send().await.expect(200);
    let heavy = json!({ "lines": [{ "variant_id": fixture.lamp, "quantity": 4 }] });
    let heavy = storefront(fixture.client.post(&format!("{path}/lines")), &guest.token).if_match(3).json(&heavy).send().await;
    assert_eq!(problems(&heavy.expect(200)), ["delivery_option_unavailable"], "24 kg are above the last step");
}

proptest! {
    #[test]
    fn a_heavier_parcel_never_gets_a_lower_step(
        mut bounds in prop::collection::btree_set(1_i64..100_000, 1..20),
        grams in 0_i64..120_000,
    ) {
        let steps: Vec<_> = std::mem::take(&mut bounds)
            .into_iter()
            .enumerate()
            .map(|(index, grams)| DeliveryWeightStep {
                up_to_grams: Grams::new(grams).unwrap(),
                amount: ChargeAmount::new(i64::try_from(index).unwrap()).unwrap(),
            })
            .collect();
        let table = DeliveryCharge::Weight { steps: Items::new(steps.clone()).unwrap() };
        table.check_order().unwrap();
        let expected = steps.iter().filter(|step| grams <= step.up_to_grams.get()).map(|step| step.amount.get()).min();
        prop_assert_eq!(table.amount(grams), expected);
    }
}

#[test]
fn inputs_agree_with_their_schemas() {
    let weight = json!({ "type": "weight", "steps": [{ "up_to_grams": 1_000, "amount": 100 }] });
    let flat = json!({ "type": "flat", "amount": 4_900 });
    let full = json!({
        "code": "courier", "name": "Courier", "channel_id": "chan_01jd6zv4x8e5yag7k3m2n9p0qr", "currency": "INR",
        "countries": ["IN", "DE"], "charge": weight, "tax_class_id": "tcls_01jd6zv4x8e5yag7k3m2n9p0qr", "active": true,
        "position": 1, "metadata": { "erp": "C-1" },
    });
    let short = json!({ "code": "courier", "name": "Courier", "currency": "INR", "charge": flat });
    bloom_testkit::assert_schema_agrees::<DeliveryOptionUpdate>([full.clone(), short.clone(), json!({ "channel_id": null })]);
    bloom_testkit::assert_schema_agrees::<DeliveryOptionCreate>([full, short]);
}
