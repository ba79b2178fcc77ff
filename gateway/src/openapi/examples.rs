//! Examples of the API description: requests and responses of the demo shop, recorded by `./dev gen`.

use serde_json::{Value, json};

const RECORDED: &str = include_str!("../../../docs/examples.json");

/// Adds an example to every parameter, request and response that was recorded.
pub(super) fn add(paths: &mut Value, components: &mut Value) {
    let Ok(recorded) = serde_json::from_str::<Value>(RECORDED) else { return };
    let operations = paths.as_object_mut().into_iter().flatten().filter_map(|(_, item)| item.as_object_mut()).flatten();
    for (_, operation) in operations {
        let id = operation["operationId"].as_str().unwrap_or_default();
        let recorded = &recorded["operations"][id];
        for parameter in operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten() {
            if let Some(value) = parameter["name"].as_str().and_then(|name| recorded["parameters"].get(name)) {
                parameter["example"] = value.clone();
            }
        }
        add_to_content(operation.get_mut("requestBody"), recorded.get("request"));
        for (status, response) in operation.get_mut("responses").and_then(Value::as_object_mut).into_iter().flatten() {
            let example = recorded["responses"].get(status);
            if let (Some(reference), Some(example)) = (response["$ref"].as_str(), example) {
                // A recorded refusal of this operation is more specific than the shared example.
                *response = shared(components, reference);
                add_to_content(Some(response), Some(example));
            } else {
                add_to_content(Some(response), example);
            }
        }
    }
    for (name, response) in components["responses"].as_object_mut().into_iter().flatten() {
        let example = name.strip_prefix("Problem").and_then(|status| recorded["problems"].get(status));
        add_to_content(Some(response), example);
    }
}

fn shared(components: &Value, reference: &str) -> Value {
    let found = reference.strip_prefix("#/components").and_then(|pointer| components.pointer(pointer));
    found.cloned().unwrap_or_else(|| json!({ "$ref": reference }))
}

fn add_to_content(holder: Option<&mut Value>, example: Option<&Value>) {
    let content = holder.and_then(|holder| holder.get_mut("content")).and_then(Value::as_object_mut);
    for ((_, media), example) in content.into_iter().flatten().zip(example) {
        media["example"] = example.clone();
    }
}
