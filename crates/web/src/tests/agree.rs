//! Property tests: serde accepts a value exactly when the schema does, for every shape of schema.

use proptest::prelude::*;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{Everything, ThingUpdate};
use crate::Input;
use crate::violations::step;

/// Any JSON value, usually an invalid input.
fn any_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        prop_oneof![Just(0_i64), Just(1), Just(-1), Just(65_536), Just(1_000_001), Just(i64::MIN), Just(i64::MAX)]
            .prop_map(Value::from),
        Just(json!(u64::MAX)),
        prop_oneof![Just(1.0_f64), Just(1.5), Just(1e300), Just(-0.0)].prop_map(Value::from),
        prop_oneof![
            Just(""),
            Just(" "),
            Just("A-1"),
            Just("a\nb"),
            Just("small"),
            Just("flat"),
            Just("INR"),
            Just("inr"),
            Just("IN"),
            Just("2026-11-01T12:00:00Z"),
            Just("2026-11-01 12:00:00Z"),
            Just("prod_01jd6zv4x8e5yag7k3m2n9p0qr"),
            Just("\0"),
        ]
        .prop_map(Value::from),
        (30_usize..300).prop_map(|length| "x".repeat(length).into()),
        Just(json!([])),
        Just(json!({})),
        Just(json!([1, "x"])),
        Just(json!({ "first": 1 })),
        Just(json!({ "type": "flat", "amount": 1 })),
        Just(json!({ "amount": 1, "currency": "INR" })),
        Just(json!({ "small": null })),
    ]
}

/// A valid value with some parts replaced, removed or added.
fn near(valid: Value) -> impl Strategy<Value = Value> {
    let change = (any::<prop::sample::Index>(), any_value(), 0..4_u8, any::<bool>());
    proptest::collection::vec(change, 0..4).prop_map(move |changes| {
        let mut value = valid.clone();
        for (place, other, how, wrap) in changes {
            let mut pointers = Vec::new();
            list_pointers(&value, String::new(), &mut pointers);
            let pointer = place.get(&pointers).clone();
            let Some(target) = value.pointer_mut(&pointer) else { continue };
            match (how, target) {
                (0, Value::Object(members)) => drop(members.insert("surprise".to_owned(), other)),
                (1, Value::Object(members)) => {
                    let first = members.keys().nth(pointer.len() % members.len().max(1)).cloned();
                    first.and_then(|name| members.remove(&name));
                }
                (2, target @ Value::Object(_)) => {
                    *target = target.as_object().into_iter().flatten().map(|(_, value)| value.clone()).collect();
                }
                (_, target) => *target = if wrap { json!([other]) } else { other },
            }
        }
        value
    })
}

fn list_pointers(value: &Value, at: String, pointers: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            members.iter().for_each(|(name, value)| list_pointers(value, at.clone() + &step(name), pointers));
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, value)| list_pointers(value, format!("{at}/{index}"), pointers));
        }
        _ => {}
    }
    pointers.push(at);
}

fn agrees<T: DeserializeOwned + JsonSchema + 'static>(value: &Value) {
    let judged = (Input::of::<T>().judge)(value.to_string().as_bytes()).expect("this is JSON");
    assert_eq!(judged.read.is_ok(), judged.violations.is_empty(), "{value}: {judged:?}");
}

fn everything() -> Value {
    json!({
        "whole": 1, "some": 2, "small": 3, "large": 4, "number": 1.5, "json": 2, "text": "x", "code": "A", "name": "B",
        "truth": true, "list": [1], "few": [{ "first": 1 }], "map": { "a": "b" }, "unique": { "a": 1 },
        "object": { "first": 1, "second": "x" }, "kind": "small", "described": "first", "either": true,
        "tagged": { "type": "steps", "steps": [{ "first": 1 }] }, "time": "2026-11-01T12:00:00Z",
        "id": "prod_01jd6zv4x8e5yag7k3m2n9p0qr", "money": { "amount": 1, "currency": "INR" },
        "address": { "name": "A", "line1": "B", "city": "C", "country": "IN", "phone": null },
    })
}

fn thing_update() -> Value {
    json!({
        "code": "A", "priority": 1, "money": { "amount": 1, "currency": "INR" }, "name": "B", "metadata": { "a": "b", "c": null },
        "address": { "name": "A", "line1": "B", "city": "C", "country": "IN" },
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn serde_and_schema_agree_about_bodies(value in near(everything())) {
        agrees::<Everything>(&value);
    }

    #[test]
    fn serde_and_schema_agree_about_updates(value in near(thing_update())) {
        agrees::<ThingUpdate>(&value);
    }
}
