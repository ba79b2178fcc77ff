//! The operations in the API description, and the places of ids in them.

use serde_json::Value;

/// An operation and the places of ids in it, each with the prefix of its kind.
pub(super) struct Operation {
    pub(super) name: String,
    pub(super) method: String,
    pub(super) path: String,
    /// Path parameters.
    pub(super) in_path: Vec<(String, String)>,
    /// Query parameters.
    pub(super) in_query: Vec<(String, String)>,
    /// JSON Pointers in the body.
    pub(super) in_body: Vec<(String, String)>,
    /// Required headers.
    pub(super) needs: Vec<String>,
    /// Content type of the body, if there is one.
    pub(super) body: Option<String>,
    /// Schema of the body.
    pub(super) schema: Value,
}

impl Operation {
    pub(super) fn is_read(&self) -> bool {
        self.method == "GET"
    }

    /// The path with the ids filled in.
    pub(super) fn path(&self, ids: &[String]) -> String {
        let pairs = self.in_path.iter().zip(ids);
        pairs.fold(self.path.clone(), |path, ((name, _), id)| path.replace(&format!("{{{name}}}"), id))
    }
}

/// All operations of an API description.
pub(super) fn operations(api: &Value) -> Vec<Operation> {
    let mut all = Vec::new();
    for (path, item) in api["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            all.push(read(api, path, method, operation));
        }
    }
    all
}

fn read(api: &Value, path: &str, method: &str, operation: &Value) -> Operation {
    let name = operation["operationId"].as_str().unwrap_or_else(|| panic!("{method} {path} has no name")).to_owned();
    let (mut in_path, mut in_query, mut in_body, mut needs) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        let place = parameter["name"].as_str().unwrap_or_default().to_owned();
        let mut found = Vec::new();
        walk(api, &parameter["schema"], "", 0, &mut found);
        let kind = found.into_iter().next().map(|(_, kind)| kind);
        match parameter["in"].as_str() {
            Some("path") => in_path.push((place, kind.unwrap_or_else(|| panic!("{name}: a path parameter is no id")))),
            Some("query") => in_query.extend(kind.map(|kind| (place, kind))),
            _ => {
                assert!(kind.is_none(), "{name}: the probe puts no ids into headers");
                needs.extend((parameter["required"] == true).then_some(place));
            }
        }
    }
    let content = operation["requestBody"]["content"].as_object();
    let body = content.and_then(|content| content.keys().next().cloned());
    let schema = content.and_then(|content| content.values().next()).map_or(Value::Null, |media| media["schema"].clone());
    for media in content.into_iter().flat_map(|content| content.values()) {
        walk(api, &media["schema"], "", 0, &mut in_body);
    }
    in_body.sort();
    in_body.dedup();
    Operation { name, method: method.to_uppercase(), path: path.to_owned(), in_path, in_query, in_body, needs, body, schema }
}

/// The schema, or the one that its `$ref` names.
pub(super) fn resolved<'s>(api: &'s Value, schema: &'s Value) -> &'s Value {
    match schema["$ref"].as_str() {
        None => schema,
        Some(reference) => {
            let target =
                api.pointer(reference.trim_start_matches('#')).unwrap_or_else(|| panic!("nothing is behind {reference}"));
            resolved(api, target)
        }
    }
}

/// The kind of id that a schema describes.
pub(super) fn id_kind(schema: &Value) -> Option<&str> {
    let (prefix, rest) = schema["pattern"].as_str()?.strip_prefix('^')?.split_once('_')?;
    rest.contains("{25}").then_some(prefix)
}

/// Finds every place below a schema that takes an id, which its pattern shows: `^prod_[…]{26}$`.
fn walk(api: &Value, schema: &Value, pointer: &str, depth: usize, found: &mut Vec<(String, String)>) {
    assert!(depth < 20, "the schema at {pointer} does not end");
    let schema = resolved(api, schema);
    found.extend(id_kind(schema).map(|kind| (pointer.to_owned(), kind.to_owned())));
    for word in ["anyOf", "oneOf", "allOf"] {
        for choice in schema[word].as_array().into_iter().flatten() {
            walk(api, choice, pointer, depth + 1, found);
        }
    }
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        walk(api, property, &format!("{pointer}/{name}"), depth + 1, found);
    }
    if schema["items"].is_object() {
        walk(api, &schema["items"], &format!("{pointer}/0"), depth + 1, found);
    }
    if schema["additionalProperties"].is_object() {
        walk(api, &schema["additionalProperties"], &format!("{pointer}/any"), depth + 1, found);
    }
}
