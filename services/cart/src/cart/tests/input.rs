//! Refused input, with the fields concerned.

use std::collections::BTreeSet;

use bloom_testkit::Answer;
use serde_json::{Value, json};

use super::super::change::{CartLineUpdate, CartLinesAdd, CartUpdate};
use super::super::create::CartCreate;
use crate::tests::{Fixture, address, storefront};

#[tokio::test]
async fn bad_addresses_and_emails_are_refused_by_field() {
    let fixture = Fixture::new().await;
    for email in ["", "asha", "@example.com", "asha@", "a b@example.com", "a@b@c"] {
        let refused = fixture.client.post("/v1/carts").json(&json!({ "email": email })).send().await.expect(400);
        assert_eq!(refused.json["errors"][0]["pointer"], "/email", "{email}");
    }
    let mut bad = address();
    bad["country"] = json!("India");
    bad["name"] = json!("");
    let refused = fixture.client.post("/v1/carts").json(&json!({ "shipping_address": bad })).send().await.expect(400);
    let errors = refused.json["errors"].as_array().unwrap();
    let fields: BTreeSet<_> = errors.iter().filter_map(|error| error["pointer"].as_str()).collect();
    assert_eq!(fields, BTreeSet::from(["/shipping_address/country", "/shipping_address/name"]));
    for country in ["ZZ", "UK", "in"] {
        bad = address();
        bad["country"] = json!(country);
        for field in ["shipping_address", "billing_address"] {
            let refused = fixture.client.post("/v1/carts").json(&json!({ field: bad })).send().await.expect(400);
            assert_eq!(refused.json["errors"][0]["pointer"], format!("/{field}/country"), "{country}");
        }
    }
    let refused = fixture.client.post("/v1/carts").json(&json!({ "surprise": 1 })).send().await.expect(400);
    assert_eq!(refused.code(), "invalid_request");
}

#[tokio::test]
async fn all_violations_are_answered_at_once() {
    let fixture = Fixture::new().await;
    let nowhere = json!({ "name": "", "line1": "1 MG Road", "city": "Bengaluru", "country": "XX" });
    let form = json!({
        "lines": [{ "variant_id": fixture.shirt, "quantity": 0 }, { "variant_id": fixture.lamp, "quantity": -1 }],
        "email": "invalid", "shipping_address": nowhere, "billing_address": nowhere,
    });
    let pointers = |refused: &Answer| -> BTreeSet<String> {
        let errors = refused.json["errors"].as_array().expect("there are violations");
        errors.iter().map(|wrong| wrong["pointer"].as_str().unwrap().to_owned()).collect()
    };
    let expected = |pointers: &[&str]| -> BTreeSet<String> { pointers.iter().map(|pointer| (*pointer).to_owned()).collect() };
    let buyer =
        ["/email", "/shipping_address/name", "/shipping_address/country", "/billing_address/name", "/billing_address/country"];
    let refused = fixture.client.post("/v1/carts").json(&form).send().await.expect(400);
    assert_eq!(pointers(&refused), expected(&[&buyer[..], &["/lines/0/quantity", "/lines/1/quantity"]].concat()));
    let (guest, _) = fixture.guest().await;
    let path = format!("/v1/carts/{}", guest.id);
    let change = json!({ "email": "invalid", "shipping_address": nowhere, "billing_address": nowhere });
    let refused = storefront(fixture.client.patch(&path), &guest.token).if_match(1).json(&change).send().await.expect(400);
    assert_eq!(pointers(&refused), expected(&buyer));
    let more = json!({ "lines": form["lines"] });
    let lines = fixture.client.post(&format!("{path}/lines"));
    let refused = storefront(lines, &guest.token).if_match(1).json(&more).send().await.expect(400);
    assert_eq!(pointers(&refused), expected(&["/lines/0/quantity", "/lines/1/quantity"]));
}

#[tokio::test]
async fn card_numbers_are_refused_in_every_text_field() {
    let fixture = Fixture::new().await;
    let card = "4242 4242 4242 4242";
    let (guest, _) = fixture.guest().await;
    let path = format!("/v1/carts/{}", guest.id);
    let refused = async |body: Value, pointer: &str| {
        let create = fixture.client.post("/v1/carts").json(&body).send().await.expect(422);
        let change = fixture.client.patch(&path).if_match(1).json(&body).send().await.expect(422);
        for answer in [create, change] {
            assert_eq!((answer.code(), &answer.json["errors"][0]["pointer"]), ("card_number_refused", &json!(pointer)));
            assert!(!answer.text.contains("4242"), "{}", answer.text);
        }
    };
    for field in ["name", "company", "line1", "line2", "city", "region", "phone"] {
        for of in ["shipping_address", "billing_address"] {
            let mut address = address();
            address[field] = json!(card);
            refused(json!({ of: address }), &format!("/{of}/{field}")).await;
        }
    }
    refused(json!({ "email": "4242424242424242@example.com" }), "/email").await;
    refused(json!({ "metadata": { "a/b~c": format!("paid with {card}") } }), "/metadata/a~1b~0c").await;
    refused(json!({ "metadata": { "4242-4242-4242-4242": "x" } }), "/metadata").await;
    let option = |metadata: Value, name: &str| {
        let charge = json!({ "type": "flat", "amount": 100 });
        let body = json!({ "code": "c", "name": name, "currency": "INR", "charge": charge, "metadata": metadata });
        fixture.client.post("/v1/delivery-options").json(&body).send()
    };
    assert_eq!(option(json!({}), card).await.expect(422).json["errors"][0]["pointer"], "/name");
    assert_eq!(option(json!({ "note": card }), "C").await.expect(422).json["errors"][0]["pointer"], "/metadata/note");

    // Numbers that only resemble card numbers: telephone numbers with and without a valid check digit.
    for (phone, code) in [("+4915123456787", 200), ("004915123456787", 200), ("+4242424242424242", 422), ("4915123456787", 422)] {
        assert!(bloom_kernel::looks_like_card_number(phone), "{phone}");
        let mut address = address();
        address["phone"] = json!(phone);
        let version = fixture.read(&guest).await.version();
        let change = fixture.client.patch(&path).if_match(version).json(&json!({ "shipping_address": address }));
        let _ = change.send().await.expect(code);
    }
    let notes = json!({ "metadata": { "erp": "4242424242424241" } });
    let _ = fixture.client.post("/v1/carts").json(&notes).send().await.expect(201);
}

#[test]
fn inputs_agree_with_their_schemas() {
    let mut full = address();
    full["company"] = json!("Rao Kitchens");
    full["line2"] = json!("2nd floor");
    full["region"] = json!("KA");
    full["phone"] = json!("+91 80 4000 1234");
    let (variant, option) = ("var_01jd6zv4x8e5yag7k3m2n9p0qr", "dopt_01jd6zv4x8e5yag7k3m2n9p0qr");
    let lines = json!([{ "variant_id": variant, "quantity": 2 }]);
    let metadata = json!({ "campaign": "diwali" });
    bloom_testkit::assert_schema_agrees::<CartCreate>([json!({
        "lines": lines, "email": "asha@example.com", "shipping_address": full, "billing_address": full,
        "delivery_option_id": option, "metadata": metadata,
    })]);
    bloom_testkit::assert_schema_agrees::<CartUpdate>([json!({
        "email": "asha@example.com", "shipping_address": full, "billing_address": null, "delivery_option_id": option,
        "metadata": metadata,
    })]);
    bloom_testkit::assert_schema_agrees::<CartLinesAdd>([json!({ "lines": lines })]);
    bloom_testkit::assert_schema_agrees::<CartLineUpdate>([json!({ "quantity": 3 })]);
}
