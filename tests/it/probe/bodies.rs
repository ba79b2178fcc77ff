//! A valid request body for every operation, with an id in every field that takes one. Bodies that must fit other objects of
//! the world are written here; all others are made from the schema and its examples.

use serde_json::{Value, json};

use super::routes::{id_kind, resolved};
use super::world::World;
use crate::trade::address;

/// The body of an operation, or none when a body made from its schema is valid. `n` makes codes unique.
pub(super) fn body(operation: &str, world: &World, n: usize) -> Option<Value> {
    catalog(operation, world, n)
        .or_else(|| pricing(operation, world, n))
        .or_else(|| inventory(operation, world, n))
        .or_else(|| cart(operation, world, n))
        .or_else(|| orders(operation, world))
        .or_else(|| payments(operation))
        .or_else(|| identity(operation, world))
}

#[expect(clippy::match_same_arms, reason = "a line for each operation")]
fn catalog(operation: &str, world: &World, n: usize) -> Option<Value> {
    let id = |kind: &str| world.id(kind).to_owned();
    let code = format!("code-{n}");
    Some(match operation {
        "category_create" => json!({ "name": code, "parent_id": id("cat") }),
        // A category cannot move below itself, so the world's second category is moved.
        "category_update" => json!({ "name": code, "parent_id": id("cat") }),
        "channel_create" => json!({
            "code": code, "name": code, "currency": "INR", "price_basis": "gross", "country": "IN", "location_ids": [id("loc")],
        }),
        "channel_update" => json!({ "name": code, "location_ids": [id("loc")] }),
        "collection_create" => json!({ "code": code, "title": code }),
        "collection_update" => json!({ "title": code }),
        "collection_place" => json!({ "products": [{ "product_id": id("prod"), "position": 1 }] }),
        "import_create" => json!({ "title": code, "variants": [{ "sku": code, "tax_class_id": id("tcls") }] }),
        "product_type_create" => json!({ "code": code, "name": code }),
        "product_type_update" => json!({ "name": code }),
        "product_create" => json!({
            "title": code, "product_type_id": id("ptyp"), "category_ids": [id("cat")], "channel_ids": [id("chan")],
            "variants": [{ "sku": code, "tax_class_id": id("tcls") }],
        }),
        "product_update" => {
            json!({ "product_type_id": id("ptyp"), "category_ids": [id("cat")], "channel_ids": [id("chan")] })
        }
        // The product has no options. A second variant is therefore refused, but only after every other field was accepted.
        "variant_create" => json!({ "sku": code, "tax_class_id": id("tcls") }),
        "variant_update" => json!({ "tax_class_id": id("tcls") }),
        _ => return None,
    })
}

#[expect(clippy::match_same_arms, reason = "a line for each operation")]
fn pricing(operation: &str, world: &World, n: usize) -> Option<Value> {
    let id = |kind: &str| world.id(kind).to_owned();
    let money = |amount: usize| json!({ "amount": amount, "currency": "INR" });
    let code = format!("code-{n}");
    let price = || json!({ "variant_id": id("var"), "price_list_id": id("plst"), "min_quantity": n + 2, "price": money(900) });
    Some(match operation {
        "price_list_create" => {
            json!({ "code": code, "name": code, "currency": "INR", "gross": true, "tax_country": "IN", "channel_id": id("chan") })
        }
        "price_list_update" => json!({ "name": code, "channel_id": id("chan") }),
        "price_create" => price(),
        "prices_set" => json!({ "prices": [price()] }),
        "price_update" => json!({ "price": money(1_000) }),
        "quote_create" => json!({
            "channel_id": id("chan"), "lines": [{ "variant_id": id("var"), "quantity": 1, "tax_class_id": id("tcls") }],
            "delivery": { "price": money(4_900), "tax_class_id": id("tcls") },
        }),
        "pricing_settings_update" => json!({ "rounding": "half_up" }),
        "tax_class_create" => json!({ "code": code, "name": code }),
        "tax_class_update" => json!({ "name": code }),
        "tax_rate_create" => json!({ "name": code, "rate_ppm": 1_000, "zone_id": id("tzon"), "class_id": id("tcls") }),
        "tax_rate_update" => json!({ "name": code }),
        "tax_zone_create" => json!({ "name": code, "areas": [{ "country": "NP" }] }),
        "tax_zone_update" => json!({ "name": code }),
        _ => return None,
    })
}

fn inventory(operation: &str, world: &World, n: usize) -> Option<Value> {
    let id = |kind: &str| world.id(kind).to_owned();
    let code = format!("code-{n}");
    Some(match operation {
        "adjustment_create" => {
            json!({ "kind": "received", "reason": code, "lines": [{ "variant_id": id("var"), "location_id": id("loc"), "quantity": 1 }] })
        }
        "hold_create" => json!({
            "location_ids": [id("loc")], "lines": [{ "line_id": code, "variant_id": id("var"), "quantity": 1 }], "ttl_seconds": 3_600,
        }),
        "hold_extend" => json!({ "ttl_seconds": 3_600 }),
        "item_create" => json!({ "variant_id": id("var"), "location_id": id("loc"), "on_hand": 1 }),
        "item_update" => json!({ "safety_stock": 1 }),
        "location_create" => json!({ "code": code, "name": code }),
        "location_update" => json!({ "name": code }),
        _ => return None,
    })
}

fn cart(operation: &str, world: &World, n: usize) -> Option<Value> {
    let id = |kind: &str| world.id(kind).to_owned();
    let code = format!("code-{n}");
    let lines = || json!([{ "variant_id": id("var"), "quantity": 1 }]);
    let charge = || json!({ "type": "flat", "amount": 100 });
    Some(match operation {
        "cart_create" => json!({ "lines": lines(), "delivery_option_id": id("dopt"), "shipping_address": address() }),
        "cart_update" => json!({ "delivery_option_id": id("dopt"), "email": "guest@example.com" }),
        "cart_line_add" => json!({ "lines": lines() }),
        "cart_line_update" => json!({ "quantity": 1 }),
        "delivery_option_create" => json!({
            "code": code, "name": code, "currency": "INR", "charge": charge(), "channel_id": id("chan"), "tax_class_id": id("tcls"),
        }),
        "delivery_option_update" => json!({ "name": code, "channel_id": id("chan"), "tax_class_id": id("tcls") }),
        _ => return None,
    })
}

fn orders(operation: &str, world: &World) -> Option<Value> {
    let id = |kind: &str| world.id(kind).to_owned();
    let lines = || json!([{ "line_id": id("oli"), "quantity": 1 }]);
    Some(match operation {
        "checkout_create" => json!({ "cart_id": id("cart"), "payment": { "token": "tok_success" } }),
        "order_search" => json!({ "email": "asha@example.com" }),
        "order_settings_update" => json!({ "unpaid_hours": 72 }),
        "order_update" => json!({ "metadata": { "a": "b" } }),
        "order_cancel" => json!({ "reason": "probe" }),
        "order_capture" => json!({ "amount": { "amount": 1, "currency": "INR" } }),
        "fulfilment_create" => json!({ "lines": lines(), "location_id": id("loc") }),
        "fulfilment_ship" => json!({}),
        "order_refund" => json!({ "lines": lines(), "reason": "probe" }),
        _ => return None,
    })
}

fn payments(operation: &str) -> Option<Value> {
    let money = json!({ "amount": { "amount": 1, "currency": "INR" } });
    Some(match operation {
        "payment_connection_create" => json!({ "provider": "manual", "name": "By hand" }),
        "payment_connection_update" => json!({ "name": "Sandbox" }),
        "payment_capture" | "payment_refund" => money,
        "payment_confirm" => json!({ "outcome": "authorised" }),
        "payment_void" => json!({}),
        _ => return None,
    })
}

#[expect(clippy::match_same_arms, reason = "a line for each operation")]
fn identity(operation: &str, world: &World) -> Option<Value> {
    let id = |kind: &str| world.id(kind).to_owned();
    Some(match operation {
        "api_key_create" => {
            json!({ "kind": "publishable", "name": "Probe", "channel_id": id("chan"), "environment_id": id("env") })
        }
        "api_key_rotate" => json!({}),
        "environment_create" => json!({ "name": "Probe" }),
        "environment_update" => json!({ "name": "Probe" }),
        _ => return None,
    })
}

/// A body made from the schema of an operation: example values, the world's ids where it has one of the kind, and a unique
/// code.
pub(super) fn from_schema(api: &Value, schema: &Value, world: &World, n: usize) -> Value {
    let schema = resolved(api, schema);
    if let Some(choice) = ["anyOf", "oneOf", "allOf"].into_iter().find_map(|word| schema[word].get(0)) {
        return from_schema(api, choice, world, n);
    }
    if let Some(kind) = id_kind(schema) {
        return world.known(kind).map_or(Value::Null, Value::from);
    }
    if let Some(properties) = schema["properties"].as_object() {
        let field = |(name, field): (&String, &Value)| {
            let value = match name.as_str() {
                "code" => format!("code-{n}").into(),
                "name" | "title" => world.mark.as_str().into(),
                _ => from_schema(api, field, world, n),
            };
            (name.clone(), value)
        };
        return Value::Object(properties.iter().map(field).filter(|(_, value)| !value.is_null()).collect());
    }
    let examples = [&schema["examples"][0], &schema["example"], &schema["const"], &schema["enum"][0], &schema["default"]];
    let example = examples.into_iter().find(|value| !value.is_null()).cloned();
    example.unwrap_or_else(|| match schema["type"].as_str().or(schema["type"][0].as_str()) {
        Some("array") => json!([from_schema(api, &schema["items"], world, n)]),
        Some("object") => json!({}),
        Some("boolean") => json!(true),
        Some("integer" | "number") => schema["minimum"].as_i64().unwrap_or(1).into(),
        _ => world.mark.as_str().into(),
    })
}
