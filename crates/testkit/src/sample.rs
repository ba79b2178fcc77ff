//! Builds valid values of a schema from its examples: together they contain every field and every choice.

use serde_json::{Map, Value, json};

/// Maximum depth at which a recursive schema is followed.
const DEPTH_MAX: usize = 12;

/// Values of a schema document; the first has every field.
pub(crate) fn samples(document: &Value) -> Vec<Value> {
    values(document, document, 0)
}

fn values(schema: &Value, document: &Value, depth: usize) -> Vec<Value> {
    if DEPTH_MAX < depth {
        return Vec::new();
    }
    if let Some(target) = schema["$ref"].as_str().and_then(|reference| document.pointer(reference.strip_prefix('#')?)) {
        return values(target, document, depth + 1);
    }
    if let Some(value) = schema["examples"].get(0).or_else(|| schema.get("const")).or_else(|| schema["enum"].get(0)) {
        return vec![value.clone()];
    }
    for keyword in ["oneOf", "anyOf"] {
        if let Some(branches) = schema[keyword].as_array() {
            let real = branches.iter().filter(|branch| branch["type"] != "null");
            return real.flat_map(|branch| values(branch, document, depth + 1)).collect();
        }
    }
    let kind = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().find(|kind| *kind != "null").and_then(Value::as_str),
        kind => kind.as_str(),
    };
    match kind {
        Some("object") => objects(schema, document, depth),
        Some("array") => {
            let least = schema["minItems"].as_u64().and_then(|least| usize::try_from(least).ok()).unwrap_or(0);
            let most = schema["maxItems"].as_u64().and_then(|most| usize::try_from(most).ok()).unwrap_or(usize::MAX);
            let items = values(&schema["items"], document, depth + 1);
            let length = items.len().max(least).min(most);
            vec![items.iter().cycle().take(length).cloned().collect()]
        }
        Some("boolean") => vec![json!(true)],
        Some("integer" | "number") => {
            vec![schema.get("minimum").filter(|least| 0 < least.as_i64().unwrap_or(0)).cloned().unwrap_or(json!(1))]
        }
        Some("string") if schema["format"] == "date-time" => vec![json!("2026-11-01T12:00:00Z")],
        Some("string") => vec![json!("text")],
        _ => vec![json!("anything")],
    }
}

/// An object with every property, and another for each further value of a property.
fn objects(schema: &Value, document: &Value, depth: usize) -> Vec<Value> {
    let mut first = Map::new();
    let mut further = Vec::new();
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let mut values = values(property, document, depth + 1).into_iter();
        first.extend(values.next().map(|value| (name.clone(), value)));
        further.extend(values.map(|value| (name.clone(), value)));
    }
    if schema["additionalProperties"].is_object() {
        let values = values(&schema["additionalProperties"], document, depth + 1);
        first.extend(values.into_iter().enumerate().map(|(index, value)| (format!("key{index}"), value)));
    }
    let with = |(name, value): (String, Value)| {
        let mut object = first.clone();
        object.insert(name, value);
        Value::Object(object)
    };
    let further: Vec<_> = further.into_iter().map(with).collect();
    std::iter::once(Value::Object(first)).chain(further).collect()
}
