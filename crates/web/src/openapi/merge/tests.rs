use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Clash, Merged, merge};

/// The document of a service with one operation over the given request and response schemas.
fn service(path: &str, takes: &str, answers: &str, schemas: Value) -> Value {
    let refer = |name: &str| json!({ "content": { "application/json": { "schema": { "$ref": format!("#/components/schemas/{name}") } } } });
    json!({
        "paths": { path: { "post": { "requestBody": refer(takes), "responses": { "200": refer(answers) } } } },
        "components": { "schemas": schemas },
    })
}

fn object(properties: &[&str], required: &[&str]) -> Value {
    let properties: serde_json::Map<String, Value> = properties.iter().map(|name| ((*name).to_owned(), json!(true))).collect();
    json!({ "type": "object", "properties": properties, "required": required })
}

fn merged(documents: &[(&str, Value)]) -> Result<Merged, Vec<Clash>> {
    merge(documents.iter().map(|(name, document)| ((*name).to_owned(), document.clone())).collect::<BTreeMap<_, _>>())
}

#[test]
fn an_input_is_named_as_its_type_when_the_shapes_agree() {
    let schemas = json!({
        "in.Same": object(&["a"], &["a"]), "Same": object(&["a"], &["a"]),
        "in.Create": { "type": "object", "properties": { "same": { "$ref": "#/components/schemas/in.Same" } } },
        "Reply": { "type": "object", "properties": { "same": { "$ref": "#/components/schemas/Same" } } },
    });
    let merged = merged(&[("one", service("/v1/one", "in.Create", "Reply", schemas))]).expect("nothing clashes");
    let names: Vec<&String> = merged.components["schemas"].as_object().expect("schemas").keys().collect();
    assert_eq!(names, ["Create", "Reply", "Same"]);
    assert!(!merged.paths.to_string().contains("in."), "{}", merged.paths);
}

#[test]
fn an_input_with_optional_fields_has_its_own_name() {
    let schemas = json!({
        "in.Address": object(&["line", "company"], &["line"]), "Address": object(&["line", "company"], &["line", "company"]),
        // Differs only by what it refers to.
        "in.Both": { "properties": { "to": { "$ref": "#/components/schemas/in.Address" } } },
        "Both": { "properties": { "to": { "$ref": "#/components/schemas/Address" } } },
    });
    let merged = merged(&[("one", service("/v1/one", "in.Both", "Both", schemas))]).expect("nothing clashes");
    let schemas = &merged.components["schemas"];
    assert_eq!(schemas["BothInput"]["properties"]["to"]["$ref"], "#/components/schemas/AddressInput");
    assert_eq!(schemas["Both"]["properties"]["to"]["$ref"], "#/components/schemas/Address");
}

#[test]
fn a_name_with_two_shapes_is_refused() {
    let of = |field: &str| json!({ "Status": object(&[field], &[]), "in.X": { "type": "object" } });
    let one = ("one", service("/v1/one", "in.X", "Status", of("a")));
    let same = ("two", service("/v1/two", "in.X", "Status", of("a")));
    let other = ("two", service("/v1/two", "in.X", "Status", of("b")));
    merged(&[one.clone(), same]).expect("one shape");
    let clashes = merged(&[one, other]).expect_err("two shapes");
    assert_eq!(clashes, [Clash { name: "Status".to_owned(), services: ("one".to_owned(), "two".to_owned()) }]);
    assert_eq!(clashes[0].to_string(), "the schema name Status has two shapes, in one and in two: rename one");
}

#[test]
fn two_types_of_one_name_in_a_service_are_refused() {
    let numbered = json!({ "Line": object(&["b"], &[]), "in.Line": object(&["a"], &[]) });
    merged(&[("one", service("/v1/one", "in.Line", "Line", numbered))]).expect_err("an input of another type");
    let numbered = json!({ "in.Line": object(&["a"], &[]), "Line2": object(&["b"], &[]), "Line": object(&["c"], &[]) });
    let mut document = service("/v1/one", "in.Line", "Line2", numbered);
    document["paths"]["/v1/other"] = json!({ "$ref": "#/components/schemas/Line" });
    merged(&[("one", document)]).expect_err("the generator numbers the second");
}

#[test]
fn an_unreferenced_schema_is_left_out() {
    let schemas = json!({ "in.X": { "type": "object" }, "Y": { "type": "object" }, "Unused": { "type": "object" } });
    let merged = merged(&[("one", service("/v1/one", "in.X", "Y", schemas))]).expect("nothing clashes");
    assert!(merged.components["schemas"].get("Unused").is_none());
}
