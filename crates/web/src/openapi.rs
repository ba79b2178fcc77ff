//! What the handlers' types do not say by themselves, added to a service's API description: path parameters by name,
//! the headers that every write takes, closed objects, and an example for every body.

use aide::openapi::OpenApi;
use aide::transform::TransformOperation;
use serde_json::{Map, Value, json};

use crate::PATH_TYPES;

/// The finished description.
pub fn finish(api: &OpenApi) -> Value {
    let mut document = serde_json::to_value(api).unwrap_or_default();
    if let Some(paths) = document["paths"].as_object_mut() {
        for (path, item) in paths {
            for (method, operation) in item.as_object_mut().into_iter().flatten() {
                name_path_parameters(path, operation);
                if operation.get("tags").is_none() {
                    operation["tags"] = json!([tag_of(path)]);
                }
                let is_needed = operation.as_object_mut().and_then(|operation| operation.remove(KEY_NEEDED)).is_some();
                if matches!(method.as_str(), "post" | "patch") {
                    push_parameter(operation, idempotency_key(is_needed));
                }
            }
        }
    }
    close(&mut document);
    let schemas = document["components"]["schemas"].clone();
    if let Some(paths) = document["paths"].as_object_mut() {
        for operation in paths.values_mut().filter_map(Value::as_object_mut).flat_map(|item| item.values_mut()) {
            add_examples(operation, &schemas);
        }
    }
    document
}

/// Operations are grouped by what follows the version in their path: `inventory` in `/v1/inventory/locations`.
fn tag_of(path: &str) -> String {
    path.split('/').nth(2).unwrap_or_default().replace('-', "_")
}

/// `{id}` of the template gets the type that the handler's extractor has at the same place.
fn name_path_parameters(path: &str, operation: &mut Value) {
    let types = operation.as_object_mut().and_then(|operation| operation.remove(PATH_TYPES));
    let names = path.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'));
    for (index, name) in names.enumerate() {
        let schema = match &types {
            Some(types) if types["prefixItems"].is_array() => types["prefixItems"][index].clone(),
            Some(types) => types.clone(),
            None => json!({ "type": "string" }),
        };
        push_parameter(operation, json!({ "in": "path", "name": name, "required": true, "schema": schema }));
    }
}

/// Marks an operation that asks for an `Idempotency-Key` ([`RequestContext::require_idempotency_key`](bloom_runtime::RequestContext)).
pub(crate) const KEY_NEEDED: &str = "x-key-needed";

/// Says of an operation that it needs an `Idempotency-Key`.
pub fn needs_key(operation: TransformOperation<'_>) -> TransformOperation<'_> {
    operation.with(|mut operation| {
        operation.inner_mut().extensions.insert(KEY_NEEDED.to_owned(), Value::Bool(true));
        operation
    })
}

fn idempotency_key(is_needed: bool) -> Value {
    json!({
        "in": "header", "name": "Idempotency-Key", "required": is_needed,
        "description": "A retry with the same key has no second effect and gets the first reply, without a secret that it told: such are told once. Kept for 24 hours. A key belongs \
            to one operation of one environment, whichever of its secret keys asks: take a new random value, such as a UUID, for \
            each new request. With another body or in another channel it is refused (422), and so is a publishable key's where \
            a secret key came first, or the other way about.",
        "schema": { "type": "string", "minLength": 1, "maxLength": 255 },
    })
}

fn push_parameter(operation: &mut Value, parameter: Value) {
    let Some(operation) = operation.as_object_mut() else { return };
    let parameters = operation.entry("parameters").or_insert_with(|| json!([]));
    if let Some(parameters) = parameters.as_array_mut()
        && !parameters.iter().any(|other| other["in"] == parameter["in"] && other["name"] == parameter["name"])
    {
        parameters.push(parameter);
    }
}

/// No object has properties that are not described.
fn close(value: &mut Value) {
    match value {
        Value::Object(map) => {
            let is_object = map.get("type").is_some_and(|kind| kind == "object") && map.contains_key("properties");
            if is_object && !map.contains_key("additionalProperties") && !map.contains_key("unevaluatedProperties") {
                let combined = ["oneOf", "anyOf", "allOf"].iter().any(|word| map.contains_key(*word));
                let word = if combined { "unevaluatedProperties" } else { "additionalProperties" };
                map.insert(word.to_owned(), Value::Bool(false));
            }
            map.values_mut().for_each(close);
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

fn add_examples(operation: &mut Value, schemas: &Value) {
    let responses = operation["responses"].as_object_mut().into_iter().flat_map(|responses| responses.values_mut());
    for response in responses {
        add_example(&mut response["content"], schemas);
    }
    if operation.get("requestBody").is_some() {
        add_example(&mut operation["requestBody"]["content"], schemas);
    }
}

fn add_example(content: &mut Value, schemas: &Value) {
    let Some(content) = content.as_object_mut() else { return };
    for (kind, media) in content {
        if kind.ends_with("json") && media.get("example").is_none() {
            let example = example(&media["schema"], schemas, &[]);
            media["example"] = example.unwrap_or_default();
        }
    }
}

/// A value that the schema allows: its own example or default where it has one, else the plainest. Nothing for a shape
/// that stands in itself: `within` are the shapes that it is a part of.
fn example(schema: &Value, schemas: &Value, within: &[&str]) -> Option<Value> {
    if let Some(name) = schema["$ref"].as_str().and_then(|reference| reference.rsplit('/').next()) {
        let inner = [within, &[name]].concat();
        return (!within.contains(&name)).then(|| example(&schemas[name], schemas, &inner)).flatten();
    }
    for word in ["example", "default", "const"] {
        if let Some(value) = schema.get(word).filter(|value| !value.is_null()) {
            return Some(value.clone());
        }
    }
    if let Some(value) = schema["examples"].get(0).or_else(|| schema["enum"].get(0)) {
        return Some(value.clone());
    }
    for word in ["oneOf", "anyOf", "allOf"] {
        let choices = schema[word].as_array().into_iter().flatten();
        let mut shown = choices.filter(|choice| choice["type"] != "null").filter_map(|choice| example(choice, schemas, within));
        if let Some(mut value) = shown.next() {
            if let (Value::Object(value), Value::Object(own)) = (&mut value, object(schema, schemas, within)) {
                value.extend(own);
            }
            return Some(value);
        }
    }
    let kind = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().find_map(|kind| kind.as_str().filter(|kind| *kind != "null")).unwrap_or("null"),
        kind => kind.as_str().unwrap_or("null"),
    };
    Some(match kind {
        "object" => object(schema, schemas, within),
        "array" if schema["items"].is_object() => Value::Array(example(&schema["items"], schemas, within).into_iter().collect()),
        "array" => json!([]),
        "boolean" => json!(true),
        "integer" | "number" => schema.get("minimum").filter(|least| !least.is_null()).cloned().unwrap_or(json!(1)),
        "string" => json!(text(schema)),
        _ => Value::Null,
    })
}

fn object(schema: &Value, schemas: &Value, within: &[&str]) -> Value {
    let properties = schema["properties"].as_object().into_iter().flatten();
    let shown = properties.filter_map(|(name, property)| Some((name.clone(), example(property, schemas, within)?)));
    Value::Object(shown.collect::<Map<_, _>>())
}

fn text(schema: &Value) -> String {
    match schema["format"].as_str() {
        Some("date-time") => return "2026-11-23T09:30:00Z".to_owned(),
        Some("date") => return "2026-11-23".to_owned(),
        Some("uri") => return "https://example.com/".to_owned(),
        _ => {}
    }
    // Ids say their prefix in their pattern: `^prod_[0-9a-hjkmnp-tv-z]{26}$`.
    let prefix = schema["pattern"].as_str().and_then(|pattern| pattern.strip_prefix('^')?.split_once('_'));
    match prefix {
        Some((prefix, rest)) if rest.contains("{26}") => format!("{prefix}_01kb1xv0m4f3qa9t7w2z8h5d6c"),
        _ => "text".to_owned(),
    }
}
