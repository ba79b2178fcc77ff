//! Completes a service's API description with what the handlers' types do not express: path parameter names, the
//! headers of every write, closed objects. The gateway [merges](merge()) the descriptions of all services.

mod contract;
mod merge;
mod statuses;

use aide::openapi::OpenApi;
use aide::transform::TransformOperation;
use serde_json::{Value, json};

use crate::PATH_TYPES;
use crate::lines::CONTENT_TYPE as NDJSON;

pub use merge::{Clash, Merged, merge};

pub(crate) use contract::{begin, input, take_inputs};

/// The finished description of one service.
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
                statuses::document(method, operation);
                describe_lines(operation);
            }
        }
    }
    each_reference(&mut document, &mut |reference| {
        if let Some(changed) = contract::reference(reference) {
            *reference = changed;
        }
    });
    close(&mut document, false);
    document
}

/// Operations are grouped by the segment after the version in their path: `inventory` in `/v1/inventory/locations`.
fn tag_of(path: &str) -> String {
    path.split('/').nth(2).unwrap_or_default().replace('-', "_")
}

/// Gives `{location_id}` of the template the type at the same position of the handler's extractor.
fn name_path_parameters(path: &str, operation: &mut Value) {
    let types = operation.as_object_mut().and_then(|operation| operation.remove(PATH_TYPES));
    for (index, name) in path_parameters(path).enumerate() {
        let schema = match &types {
            Some(types) if types["prefixItems"].is_array() => types["prefixItems"][index].clone(),
            Some(types) => types.clone(),
            None => json!({ "type": "string" }),
        };
        push_parameter(operation, json!({ "in": "path", "name": name, "required": true, "schema": schema }));
    }
}

fn path_parameters(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
}

/// Marks an operation that requires an `Idempotency-Key`
/// ([`RequestContext::require_idempotency_key`](bloom_runtime::RequestContext)).
pub(crate) const KEY_NEEDED: &str = "x-key-needed";

/// Holds the error statuses of an operation that do not follow from its inputs.
pub(crate) const REFUSES: &str = "x-refuses";

/// Declares that an operation requires an `Idempotency-Key`.
pub fn needs_key(operation: TransformOperation<'_>) -> TransformOperation<'_> {
    operation.with(|mut operation| {
        operation.inner_mut().extensions.insert(KEY_NEEDED.to_owned(), Value::Bool(true));
        operation
    })
}

fn idempotency_key(is_needed: bool) -> Value {
    json!({
        "in": "header", "name": "Idempotency-Key", "required": is_needed,
        "description": "A retry with the same key has no second effect and gets the first reply, without its secrets: they are \
            shown once. Kept for 24 hours. A key belongs to one operation of one environment, whichever of its secret keys asks: \
            take a new random value, such as a UUID, for each new request. With another body or in another channel it is refused \
            (422), and so is a publishable key's where a secret key came first, or the other way about.",
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

/// Closes objects against undescribed properties. The parts of a combined object are closed by the whole.
fn close(value: &mut Value, is_part: bool) {
    match value {
        Value::Object(map) => {
            let has_properties = map.contains_key("properties");
            let is_combined = has_properties && COMBINATIONS.iter().any(|word| map.contains_key(*word));
            let is_object = has_properties && map.get("type").is_some_and(|kind| kind == "object");
            let is_stated = map.contains_key("additionalProperties") || map.contains_key("unevaluatedProperties");
            if is_object && !is_part && !is_stated {
                let word = if is_combined { "unevaluatedProperties" } else { "additionalProperties" };
                map.insert(word.to_owned(), Value::Bool(false));
            }
            for (word, below) in map {
                close(below, is_combined && COMBINATIONS.contains(&&**word));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| close(item, is_part)),
        _ => {}
    }
}

const COMBINATIONS: [&str; 3] = ["oneOf", "anyOf", "allOf"];

/// The schema of each line of an NDJSON body.
const LINE_SCHEMA: &str = "x-line-schema";

/// An NDJSON body is a text as a whole; the schema of its lines is for people and tests.
fn describe_lines(holder: &mut Value) {
    match holder {
        Value::Object(map) => {
            for (word, below) in map {
                if word == NDJSON {
                    let line = below["schema"].take();
                    below["schema"] = json!({ "type": "string", "format": "binary", LINE_SCHEMA: line });
                } else {
                    describe_lines(below);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(describe_lines),
        _ => {}
    }
}

/// Visits every `$ref` in a document.
fn each_reference(value: &mut Value, change: &mut impl FnMut(&mut String)) {
    match value {
        Value::Object(map) => {
            for (word, value) in map {
                match value {
                    Value::String(reference) if word == "$ref" => change(reference),
                    other => each_reference(other, change),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| each_reference(item, change)),
        _ => {}
    }
}
