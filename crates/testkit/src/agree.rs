//! Checks that serde and the published schema of an input type accept and refuse the same bodies.

use std::collections::BTreeSet;

use bloom_web::Input;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::sample::samples;

/// Maximum number of disagreements shown per type.
const SHOWN_MAX: usize = 10;

/// Asserts that serde accepts exactly what the published schema of `T` accepts: the samples, which are valid, and every
/// value made by replacing, removing or adding one part of a sample. Together the samples must contain every field and
/// every choice.
///
/// # Panics
///
/// Shows the values about which the two disagree. Also panics when the schema leaves an object open.
#[track_caller]
pub fn assert_schema_agrees<T: DeserializeOwned + JsonSchema + 'static>(samples: impl IntoIterator<Item = Value>) {
    let wrong = disagreements(Input::of::<T>(), samples);
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The same for the input types of all routes of this process, with samples built from the examples in their schemas.
/// Build the services first: a route records its input type when it is described.
///
/// # Panics
///
/// As for one type; also when no route reads a body.
#[track_caller]
pub fn assert_inputs_agree() {
    let inputs = bloom_web::inputs();
    assert!(!inputs.is_empty(), "no route of this process reads a body");
    let wrong: Vec<_> = inputs.into_iter().flat_map(|input| disagreements(input, samples((input.schema)()))).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The problems of an input type, in sentences; only a few of many disagreements.
fn disagreements(input: Input, samples: impl IntoIterator<Item = Value>) -> Vec<String> {
    let (name, schema) = (input.name, (input.schema)());
    let open = open_objects(schema, "");
    if !open.is_empty() {
        return vec![format!(
            "{name}: unknown fields are not refused at {open:?}: an input has `deny_unknown_fields` and no `flatten`"
        )];
    }
    let judge = |text: &str| (input.judge)(text.as_bytes()).expect("a value is JSON");
    let others = others(schema);
    let mut wrong = BTreeSet::new();
    for sample in samples {
        let judged = judge(&sample.to_string());
        if judged.read.is_err() || !judged.violations.is_empty() {
            return vec![format!("{name}: the sample {sample} is not valid: {judged:?}")];
        }
        for text in changed(&sample, &others) {
            let judged = judge(&text);
            if judged.read.is_ok() != judged.violations.is_empty() {
                wrong.insert(format!("{name}: serde and schema disagree about {text}: {judged:?}"));
            }
        }
    }
    wrong.into_iter().take(SHOWN_MAX).collect()
}

/// Objects of a schema that have named properties and accept others as well.
fn open_objects(schema: &Value, at: &str) -> Vec<String> {
    match schema {
        Value::Object(members) => {
            let is_open = members.get("properties").is_some_and(Value::is_object)
                && members.get("type").is_some_and(|kind| kind == "object" || kind[0] == "object")
                && members.get("additionalProperties") != Some(&Value::Bool(false))
                && members.get("unevaluatedProperties") != Some(&Value::Bool(false));
            let below = members.iter().flat_map(|(name, value)| open_objects(value, &format!("{at}/{name}")));
            is_open.then(|| at.to_owned()).into_iter().chain(below).collect()
        }
        Value::Array(items) => items.iter().flat_map(|item| open_objects(item, at)).collect(),
        _ => Vec::new(),
    }
}

/// Replacement values: of every type, and around every bound of the schema.
fn others(schema: &Value) -> Vec<Value> {
    let mut numbers = BTreeSet::from([-1, 0, 1, i64::MIN, i64::MAX]);
    let mut lengths = BTreeSet::from([1, 1_000]);
    bounds(schema, &mut numbers, &mut lengths);
    let mut others = vec![
        json!(null),
        json!(true),
        json!(1.0),
        json!(1.5),
        json!(1e300),
        json!(u64::MAX),
        json!(9_223_372_036_854_775_808_u64),
        json!(""),
        json!(" "),
        json!(" x "),
        json!("a\nb"),
        json!("\0"),
        json!("x y"),
        json!("é"),
        json!("1"),
        json!("ZZ"),
        json!("zz"),
        json!("QQQ"),
        json!("2026-11-01T12:00:00Z"),
        json!("2026-11-01 12:00:00Z"),
        json!("10000-01-01T00:00:00Z"),
        json!("https://shop.example/"),
        json!("ftp://shop.example/"),
        json!("a@b"),
        json!([]),
        json!({}),
        json!({ "x": 1 }),
        json!([1]),
        json!(["x"]),
        json!([null]),
    ];
    others.extend(numbers.into_iter().map(Value::from));
    others.extend(lengths.into_iter().map(|length| "x".repeat(length).into()));
    others
}

fn bounds(schema: &Value, numbers: &mut BTreeSet<i64>, lengths: &mut BTreeSet<usize>) {
    match schema {
        Value::Object(members) => {
            for (name, value) in members {
                match (name.as_str(), value.as_i64()) {
                    ("minimum" | "maximum", Some(bound)) => {
                        numbers.extend([bound.saturating_sub(1), bound, bound.saturating_add(1)]);
                    }
                    ("minLength" | "maxLength", Some(bound)) => {
                        let bound = usize::try_from(bound).unwrap_or_default();
                        lengths.extend([bound.saturating_sub(1), bound, bound + 1]);
                    }
                    _ => bounds(value, numbers, lengths),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| bounds(item, numbers, lengths)),
        _ => {}
    }
}

/// The JSON texts of all values that differ from a sample in one part.
fn changed(sample: &Value, others: &[Value]) -> Vec<String> {
    let mut pointers = vec![String::new()];
    list_pointers(sample, "", &mut pointers);
    let mut texts = Vec::new();
    for pointer in pointers {
        let mut with = |other: Value| {
            let mut value = sample.clone();
            if let Some(target) = value.pointer_mut(&pointer) {
                *target = other;
            }
            texts.push(value.to_string());
        };
        others.iter().cloned().for_each(&mut with);
        let Some(target) = sample.pointer(&pointer) else { continue };
        with(json!([target]));
        let Value::Object(members) = target else { continue };
        with(members.values().cloned().collect());
        with(inserted(members, "surprise", json!(1)));
        for name in members.keys() {
            let mut fewer = members.clone();
            fewer.remove(name);
            with(Value::Object(fewer));
        }
    }
    texts.extend(sample.as_object().and_then(twice));
    texts
}

fn inserted(members: &Map<String, Value>, name: &str, value: Value) -> Value {
    let mut more = members.clone();
    more.insert(name.to_owned(), value);
    Value::Object(more)
}

/// An object whose first key occurs twice.
fn twice(members: &Map<String, Value>) -> Option<String> {
    let (name, value) = members.iter().next()?;
    let rest = Value::Object(members.clone()).to_string();
    Some(format!("{{{}:{value},{}", Value::from(name.as_str()), rest.strip_prefix('{')?))
}

fn list_pointers(value: &Value, at: &str, pointers: &mut Vec<String>) {
    let members =
        value.as_object().into_iter().flatten().map(|(name, value)| (name.replace('~', "~0").replace('/', "~1"), value));
    let items = value.as_array().into_iter().flatten().enumerate().map(|(index, value)| (index.to_string(), value));
    for (step, value) in members.chain(items) {
        let pointer = format!("{at}/{step}");
        list_pointers(value, &pointer, pointers);
        pointers.push(pointer);
    }
}
