//! Rules for the API description.

use std::collections::BTreeSet;

use serde_json::Value;

/// Finds names that mean nothing to the user of a generated client, and operations that share an id.
pub(super) fn broken_rules(document: &Value) -> Vec<String> {
    let mut broken = Vec::new();
    let mut ids = BTreeSet::new();
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        if path.split('/').any(|segment| segment == "{id}") {
            broken.push(format!("{path} has a parameter {{id}}: name it after the thing, such as {{order_id}}"));
        }
        for (method, operation) in item.as_object().into_iter().flatten() {
            let id = operation["operationId"].as_str().unwrap_or_default();
            if id.is_empty() || !ids.insert(id) {
                broken.push(format!("{} {path} has no operation id of its own: {id:?}", method.to_uppercase()));
            }
        }
    }
    broken
}
