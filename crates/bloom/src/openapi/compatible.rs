//! What may not change in a description that clients were written against.

use serde_json::Value;

/// What a client of the old description would trip over in the new one.
pub fn breaking_changes(old: &Value, new: &Value) -> Vec<String> {
    let mut changes = Vec::new();
    for (path, item) in entries(&old["paths"]) {
        for (method, operation) in entries(item) {
            let place = format!("{} {path}", method.to_uppercase());
            let Some(now) = new["paths"].get(path).and_then(|item| item.get(method)) else {
                changes.push(format!("{place} is gone"));
                continue;
            };
            compare_parameters(&place, operation, now, &mut changes);
            for (status, response) in entries(&operation["responses"]) {
                if now["responses"].get(status).is_none() {
                    changes.push(format!("{place} no longer answers {status}"));
                } else if let (Some(was), Some(is)) = (body(response), body(&now["responses"][status])) {
                    compare_output(&place, (was, old), (is, new), 0, &mut changes);
                }
            }
            if let (Some(was), Some(is)) = (body(&operation["requestBody"]), body(&now["requestBody"])) {
                compare_input(&place, (was, old), (is, new), 0, &mut changes);
            } else if body(&operation["requestBody"]).is_none() && body(&now["requestBody"]).is_some() {
                changes.push(format!("{place} wants a body"));
            }
        }
    }
    changes
}

/// Shapes that hold themselves are compared this deep.
const DEPTH: usize = 12;

type Schema<'d> = (&'d Value, &'d Value);

fn compare_parameters(place: &str, was: &Value, is: &Value, changes: &mut Vec<String>) {
    let list = |operation: &'_ Value| operation["parameters"].as_array().cloned().unwrap_or_default();
    let same = |one: &Value, other: &Value| one["in"] == other["in"] && (one["in"] == "path" || one["name"] == other["name"]);
    for parameter in list(was) {
        if !list(is).iter().any(|other| same(&parameter, other)) {
            changes.push(format!("{place} no longer takes {}", parameter["name"]));
        }
    }
    for parameter in list(is) {
        let required_before = list(was).iter().any(|other| same(&parameter, other) && other["required"] == true);
        if parameter["required"] == true && !required_before {
            changes.push(format!("{place} requires {}", parameter["name"]));
        }
    }
}

/// A field that clients read may not go or change its type.
fn compare_output(place: &str, was: Schema<'_>, is: Schema<'_>, depth: usize, changes: &mut Vec<String>) {
    let (was, is) = (resolve(was), resolve(is));
    if depth > DEPTH || !same_type(place, was, is, changes) {
        return;
    }
    for (name, property) in entries(&was.0["properties"]) {
        let place = format!("{place} → {name}");
        match is.0["properties"].get(name) {
            None => changes.push(format!("{place} is gone from the answer")),
            Some(now) => compare_output(&place, (property, was.1), (now, is.1), depth + 1, changes),
        }
    }
    if was.0["items"].is_object() {
        compare_output(place, (&was.0["items"], was.1), (&is.0["items"], is.1), depth + 1, changes);
    }
}

/// A field that clients send must stay known, and none may become required.
fn compare_input(place: &str, was: Schema<'_>, is: Schema<'_>, depth: usize, changes: &mut Vec<String>) {
    let (was, is) = (resolve(was), resolve(is));
    if depth > DEPTH || !same_type(place, was, is, changes) {
        return;
    }
    for (name, property) in entries(&was.0["properties"]) {
        let place = format!("{place} ← {name}");
        match is.0["properties"].get(name) {
            None => changes.push(format!("{place} is no longer taken")),
            Some(now) => compare_input(&place, (property, was.1), (now, is.1), depth + 1, changes),
        }
    }
    let required = |schema: &Value| schema["required"].as_array().cloned().unwrap_or_default();
    for name in required(is.0) {
        if !required(was.0).contains(&name) {
            changes.push(format!("{place} ← {name} has become required"));
        }
    }
    if was.0["items"].is_object() {
        compare_input(place, (&was.0["items"], was.1), (&is.0["items"], is.1), depth + 1, changes);
    }
}

fn same_type(place: &str, was: Schema<'_>, is: Schema<'_>, changes: &mut Vec<String>) -> bool {
    let same = was.0["type"] == is.0["type"];
    if !same {
        changes.push(format!("{place} was {} and is {}", was.0["type"], is.0["type"]));
    }
    same
}

fn resolve((schema, document): Schema<'_>) -> Schema<'_> {
    match schema["$ref"].as_str().and_then(|reference| reference.rsplit('/').next()) {
        Some(name) => (&document["components"]["schemas"][name], document),
        None => (schema, document),
    }
}

fn body(holder: &Value) -> Option<&Value> {
    holder["content"].get("application/json").map(|media| &media["schema"])
}

fn entries(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}
