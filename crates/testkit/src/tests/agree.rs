//! Tests that the comparison of serde and schema finds disagreements.

use bloom_kernel::{
    Address, Currency, Items, Metadata, MetadataPatch, Moment, Money, Patch, PersonalData, Priority, Quantity, WebUrl, update,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Step;
use crate::{assert_inputs_agree, assert_schema_agrees};

/// A type of every kind that the kernel offers.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only read")]
struct Input {
    address: Address,
    price: Money,
    #[serde(default)]
    priority: Priority,
    #[serde(default)]
    quantities: Items<Quantity, 0, 2>,
    #[serde(default)]
    metadata: Metadata,
    at: Option<Moment>,
    url: Option<WebUrl>,
}

update! {
    /// The same as a change.
    struct InputUpdate {
        price: Option<Money>,
        currency: Option<Currency>,
        priority: Option<Priority>,
        address: Patch<Address>,
        at: Patch<Moment>,
        metadata: MetadataPatch,
    }
}

fn address() -> Value {
    json!({
        "name": "Asha Rao", "company": "Rao Kitchens", "line1": "14 Church Street", "line2": "2nd floor", "city": "Bengaluru",
        "region": "KA", "postal_code": "560001", "country": "IN", "phone": "+91 80 4000 1234",
    })
}

#[test]
fn the_values_of_the_kernel_agree_with_their_schemas() {
    let price = json!({ "amount": 1, "currency": "INR" });
    assert_schema_agrees::<Input>([json!({
        "address": address(), "price": price, "priority": 1, "quantities": [1, 2], "metadata": { "a": "b" },
        "at": "2026-11-01T12:00:00Z", "url": "https://shop.example/",
    })]);
    assert_schema_agrees::<InputUpdate>([
        json!({}),
        json!({
            "price": price, "currency": "INR", "priority": 1, "address": address(), "at": "2026-11-01T12:00:00Z",
            "metadata": { "a": "b", "c": null },
        }),
    ]);
    assert_schema_agrees::<Step>([json!({ "by": 1, "items": [{ "quantity": 2 }] })]);
}

#[tokio::test]
async fn the_inputs_of_a_service_agree_with_their_schemas() {
    let _service = super::counter().await;
    assert_inputs_agree();
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only read")]
struct Loose {
    #[schemars(length(max = 3))]
    name: String,
}

#[test]
#[should_panic(expected = "serde and schema disagree")]
fn a_bound_that_only_the_schema_knows_is_found() {
    assert_schema_agrees::<Loose>([json!({ "name": "abc" })]);
}

#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "only read")]
struct Open {
    name: String,
}

#[test]
#[should_panic(expected = "unknown fields are not refused")]
fn an_open_input_is_found() {
    assert_schema_agrees::<Open>([json!({ "name": "abc" })]);
}

#[test]
fn the_json_of_personal_data_is_unchanged() {
    let document = json!({ "email": "asha@example.com", "shipping_address": address(), "billing_address": null });
    let personal: PersonalData = serde_json::from_value(document.clone()).expect("personal data");
    assert_eq!(serde_json::to_value(&personal).expect("JSON"), document);
    assert!(!personal.is_empty() && PersonalData::default().is_empty());
}
