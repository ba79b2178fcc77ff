//! Tests of the API description: it is valid and up to date, and its examples match.

use std::collections::{BTreeMap, BTreeSet};

use bloom_process::Settings;
use clap::Parser;
use serde_json::{Value, json};

use crate::openapi::{breaking_changes, describe};

#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    settings: Settings,
}

async fn described() -> Value {
    describe(&Arguments::parse_from(["test"]).settings).await.expect("every service describes itself")
}

/// Every operation, with its name for messages.
fn operations(api: &Value) -> impl Iterator<Item = (String, &Value)> {
    api["paths"].as_object().into_iter().flatten().flat_map(|(path, item)| {
        let operations = item.as_object().into_iter().flatten();
        operations.map(move |(method, operation)| (format!("{method} {path}"), operation))
    })
}

#[tokio::test]
async fn the_committed_description_is_up_to_date() {
    let committed: Value = serde_json::from_str(include_str!("../../../../docs/openapi.json")).expect("it is JSON");
    let present = described().await;
    let broken = breaking_changes(&committed, &present);
    assert!(broken.is_empty(), "clients of the committed API would break; add a version instead: {broken:#?}");
    assert!(committed == present, "docs/openapi.json differs from the handlers: run ./dev gen and check the difference");
}

#[tokio::test]
async fn every_example_exists_and_matches_its_schema() {
    let api = described().await;
    let without_success = include_str!("../../../../tests/api/without_success.json");
    let never_succeeds: BTreeMap<String, String> = serde_json::from_str(without_success).expect("operations and reasons");
    let mut wrong = Vec::new();
    let mut schemas = Schemas { api: api.clone(), compiled: BTreeMap::new() };
    for (place, operation) in operations(&api) {
        let responses = operation["responses"].as_object().into_iter().flatten();
        let responses = responses.map(|(status, response)| (status.as_str(), response));
        for (what, holder) in responses.chain([("request", &operation["requestBody"])]) {
            for (kind, media) in resolved(&api, holder)["content"].as_object().into_iter().flatten() {
                match media.get("example") {
                    None if what.starts_with('2')
                        && never_succeeds.contains_key(operation["operationId"].as_str().unwrap_or("")) => {}
                    None => wrong
                        .push(format!("{place}: no example of {what}: add the operation to tests/api/tour.py, run ./dev gen")),
                    // A text of several JSON documents.
                    Some(Value::String(_)) if kind.ends_with("ndjson") => {}
                    Some(example) => wrong.extend(
                        schemas.misfits(&media["schema"], example).into_iter().map(|why| format!("{place} {what}: {why}")),
                    ),
                }
            }
        }
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let example = parameter.get("example");
            if parameter["in"] == "path" && example.is_none() {
                wrong.push(format!("{place}: no example of {}", parameter["name"]));
            }
            let found = example.into_iter().flat_map(|example| schemas.misfits(&parameter["schema"], example));
            wrong.extend(found.map(|why| format!("{place} {}: {why}", parameter["name"])));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Validates examples; a schema is compiled once.
struct Schemas {
    api: Value,
    compiled: BTreeMap<String, jsonschema::Validator>,
}

impl Schemas {
    fn misfits(&mut self, schema: &Value, example: &Value) -> Vec<String> {
        let validator = self.compiled.entry(schema.to_string()).or_insert_with(|| {
            let whole = json!({ "components": { "schemas": self.api["components"]["schemas"] }, "allOf": [schema] });
            jsonschema::draft202012::options().should_validate_formats(true).build(&whole).expect("a schema")
        });
        validator.iter_errors(example).map(|error| format!("{} {error}", error.instance_path())).collect()
    }
}

fn resolved<'a>(api: &'a Value, value: &'a Value) -> &'a Value {
    let pointer = value["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
    pointer.and_then(|pointer| api.pointer(pointer)).unwrap_or(value)
}

#[tokio::test]
async fn all_services_share_the_problem_schema() {
    let api = described().await;
    let media = "application/problem+json";
    let shared =
        api["components"]["responses"].as_object().into_iter().flatten().map(|(name, response)| (name.clone(), response));
    let own = operations(&api).flat_map(|(place, operation)| {
        let responses = operation["responses"].as_object().into_iter().flatten();
        responses.map(move |(status, response)| (format!("{place} {status}"), response))
    });
    let schemas: BTreeSet<String> = shared
        .chain(own)
        .filter_map(|(_, response)| response["content"].get(media))
        .map(|media| media["schema"].to_string())
        .collect();
    assert_eq!(schemas, BTreeSet::from([r##"{"$ref":"#/components/schemas/Problem"}"##.to_owned()]));
    let required = &api["components"]["schemas"]["Problem"]["required"];
    for field in ["type", "title", "status", "detail", "instance", "code", "request_id", "errors"] {
        assert!(required.as_array().is_some_and(|names| names.contains(&json!(field))), "{field} is always present");
    }
}

#[tokio::test]
async fn every_operation_has_an_id_a_permission_and_examples() {
    let api = described().await;
    let (mut names, mut permissions) = (Vec::new(), Vec::new());
    for (path, item) in api["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            let place = format!("{method} {path}");
            names.push(operation["operationId"].as_str().unwrap_or_else(|| panic!("{place} has no id")).to_owned());
            let open = bloom_fleet::ANONYMOUS.iter().any(|prefix| path.starts_with(prefix));
            assert!(open || operation["x-permission"].is_string(), "{place} names no permission");
            permissions.extend(operation["x-permission"].as_str());
            assert!(operation["summary"].is_string(), "{place} has no summary");
            assert!(
                operation["responses"]
                    .as_object()
                    .is_some_and(|responses| responses.keys().any(|status| status.starts_with('2'))),
                "{place}"
            );
            assert!(operation["responses"].get("401").is_some(), "{place} does not state its refusals");
            assert!(operation["responses"].get("default").is_none(), "{place} has an answer without a status");
        }
    }
    permissions.sort_unstable();
    permissions.dedup();
    assert_eq!(permissions, bloom_fleet::PERMISSIONS, "fleet.toml lists what operations ask for, no more and no less");
    let count = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), count, "an operation id is used twice");
}

#[test]
fn a_breaking_change_is_detected() {
    let api = |output: Value, input: Value, method: &str| {
        json!({ "paths": { "/v1/x": { method: {
            "requestBody": { "content": { "application/json": { "schema": input } } },
            "responses": { "200": { "content": { "application/json": { "schema": { "$ref": "#/components/schemas/X" } } } } },
        } } }, "components": { "schemas": { "X": output } } })
    };
    let output = json!({ "type": "object", "properties": { "id": { "type": "string" }, "at": { "type": "string" } } });
    let input = json!({ "type": "object", "properties": { "a": { "type": "integer" } }, "required": [] });
    let old = api(output.clone(), input.clone(), "post");
    let breaks = |new: &Value| breaking_changes(&old, new).len();
    assert_eq!(breaks(&old), 0);
    let more = json!({ "type": "object", "properties": { "id": { "type": "string" }, "at": { "type": "string" }, "new": { "type": "string" } } });
    assert_eq!(breaks(&api(more, input.clone(), "post")), 0, "a new field breaks no client");
    let less = json!({ "type": "object", "properties": { "id": { "type": "string" } } });
    assert_eq!(breaks(&api(less, input.clone(), "post")), 1);
    let other = json!({ "type": "object", "properties": { "id": { "type": "integer" }, "at": { "type": "string" } } });
    assert_eq!(breaks(&api(other, input.clone(), "post")), 1);
    let required =
        json!({ "type": "object", "properties": { "a": { "type": "integer" }, "b": { "type": "string" } }, "required": ["b"] });
    assert_eq!(breaks(&api(output.clone(), required, "post")), 1);
    let forgotten = json!({ "type": "object", "properties": {}, "required": [] });
    assert_eq!(breaks(&api(output.clone(), forgotten, "post")), 1);
    assert_eq!(breaks(&api(output, input, "put")), 1);
}

#[test]
fn a_changed_name_breaks_generated_clients() {
    let api = |id: &str, parameter: &str, schema: &str| {
        json!({ "paths": { "/v1/x/{x}": { "get": {
            "operationId": id,
            "parameters": [{ "in": "path", "name": parameter, "required": true, "schema": { "type": "string" } }],
            "responses": { "200": { "content": { "application/json": { "schema": { "$ref": format!("#/components/schemas/{schema}") } } } } },
        } } }, "components": { "schemas": { schema: { "type": "object" } } } })
    };
    let old = api("x_get", "x_id", "X");
    assert_eq!(breaking_changes(&old, &old), Vec::<String>::new());
    for (new, count) in [(api("x_read", "x_id", "X"), 1), (api("x_get", "x_id", "Y"), 1), (api("x_get", "id", "X"), 2)] {
        assert_eq!(breaking_changes(&old, &new).len(), count, "{:#?}", breaking_changes(&old, &new));
    }
}
