use bloom_process::Settings;
use clap::Parser;
use serde_json::{Value, json};

use crate::check::projection::{Facts, differences};
use crate::check::{Breach, report};
use crate::openapi::{breaking_changes, describe};
use crate::operate::service_of;
use crate::state::{DevState, StateDir};
use crate::up::{bindable, last_words, master_key};

#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    settings: Settings,
}

async fn described() -> Value {
    describe(&Arguments::parse_from(["test"]).settings).await.expect("every service describes itself")
}

#[tokio::test]
async fn the_committed_description_is_the_present_one_and_breaks_nobody() {
    let committed: Value = serde_json::from_str(include_str!("../../../docs/openapi.json")).expect("it is JSON");
    let present = described().await;
    let broken = breaking_changes(&committed, &present);
    assert!(broken.is_empty(), "clients of the committed API would break; add a version instead: {broken:#?}");
    assert!(committed == present, "docs/openapi.json is not what the handlers say: run ./dev gen and look at the difference");
}

#[test]
fn an_example_holds_null_only_where_its_schema_allows_it() {
    let api: Value = serde_json::from_str(include_str!("../../../docs/openapi.json")).expect("it is JSON");
    let mut wrong = Vec::new();
    for (path, item) in api["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            let answers = operation["responses"].as_object().into_iter().flat_map(|responses| responses.values());
            for content in answers.chain([&operation["requestBody"]]).filter_map(|place| place["content"].as_object()) {
                for media in content.values().filter(|media| media.get("example").is_some()) {
                    forbidden_nulls(&api, &media["schema"], &media["example"], &format!("{method} {path}"), &mut wrong);
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Examples show the first choice that is not null, so no other one is followed.
fn forbidden_nulls(api: &Value, schema: &Value, example: &Value, place: &str, wrong: &mut Vec<String>) {
    let schema = resolved(api, schema);
    if example.is_null() && !may_be_null(api, schema) {
        wrong.push(place.to_owned());
    }
    for word in ["oneOf", "anyOf", "allOf"] {
        let choices = schema[word].as_array().into_iter().flatten();
        if let Some(choice) = choices.into_iter().find(|choice| choice["type"] != "null").filter(|_| !example.is_null()) {
            forbidden_nulls(api, choice, example, place, wrong);
        }
    }
    for (name, value) in example.as_object().into_iter().flatten() {
        if let Some(property) = schema["properties"].get(name) {
            forbidden_nulls(api, property, value, &format!("{place} {name}"), wrong);
        }
    }
    for item in example.as_array().into_iter().flatten() {
        forbidden_nulls(api, &schema["items"], item, place, wrong);
    }
}

fn may_be_null(api: &Value, schema: &Value) -> bool {
    let schema = resolved(api, schema);
    let choices = ["oneOf", "anyOf"].iter().filter_map(|word| schema[word].as_array()).flatten();
    let says = |list: &Value, null: &Value| list.as_array().is_some_and(|list| list.contains(null));
    let open = ["type", "oneOf", "anyOf", "allOf", "enum", "const"].iter().all(|word| schema.get(word).is_none());
    open || schema["type"] == "null"
        || says(&schema["type"], &json!("null"))
        || says(&schema["enum"], &Value::Null)
        || choices.into_iter().any(|choice| may_be_null(api, choice))
}

fn resolved<'a>(api: &'a Value, schema: &'a Value) -> &'a Value {
    let name = schema["$ref"].as_str().and_then(|reference| reference.strip_prefix("#/components/schemas/"));
    name.map_or(schema, |name| resolved(api, &api["components"]["schemas"][name]))
}

#[test]
fn the_committed_configuration_is_the_present_one() {
    let committed = include_str!("../../../docs/configuration.md");
    assert!(
        committed == crate::configuration::document(),
        "docs/configuration.md differs: run ./dev gen and look at the difference"
    );
}

#[tokio::test]
async fn every_operation_is_named_once_permitted_and_shown() {
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
            assert!(operation["responses"].get("default").is_some(), "{place} does not say how it refuses");
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
fn every_service_can_be_reached_by_its_name() {
    let services: Vec<&str> = crate::SERVICES.iter().map(|definition| definition.name).collect();
    assert_eq!(services, bloom_fleet::SERVICES, "a service calls itself as fleet.toml does");
}

#[test]
fn a_change_that_breaks_clients_is_seen() {
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
    assert_eq!(breaks(&api(more, input.clone(), "post")), 0, "a new field breaks nobody");
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
fn a_check_is_read_on_one_screen() {
    let breaches = |name: &str, count: usize| (0..count).map(|nr| Breach::new(name, format!("place {nr}"))).collect::<Vec<_>>();
    let lines = report(&[breaches("orders.wrong", 12), breaches("cart.wrong", 2), breaches("cart.five", 5)].concat());
    assert_eq!(lines.len(), 2 + 5 + 6, "{lines:#?}");
    assert_eq!(lines.last().map(String::as_str), Some("orders.wrong: and 7 more"));
    let long = report(&[Breach::new("catalog.wrong", "ü".repeat(100_000))]);
    assert!(long[0].chars().count() < 700 && long[0].ends_with("and 99400 characters more"), "{}", long[0]);

    let facts = |count: i64, amount: i64| (0..count).map(|nr| (format!("chan_{nr:02}"), amount)).collect::<Facts>();
    assert_eq!(differences(&facts(1, 5), &facts(2, 5)), "at chan_01 the listing has nothing, the source 5");
    let many = differences(&facts(40, 5), &facts(40, 6));
    assert!(many.starts_with("at chan_00 the listing has 5, the source 6; ") && many.ends_with("; and 35 more"), "{many}");
}

/// A state folder that is gone at the end of the test.
struct Scratch(std::path::PathBuf);

impl Scratch {
    fn new(name: &str) -> (Self, StateDir) {
        let path = std::env::temp_dir().join(format!("bloom-state-{name}-{}", std::process::id()));
        let dir = StateDir::open(&path).expect("a folder");
        (Self(path), dir)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn each_state_folder_has_a_database_of_its_own() {
    let (scratch, dir) = Scratch::new("cluster");
    let default = StateDir::open(&scratch.0.join(".bloom")).expect("a folder").cluster();
    let present = bloom_pgdev::Cluster::open(&scratch.0, "up");
    assert_eq!(default.home(), present.home(), "data of the default folder stay where they are");
    assert_ne!(dir.cluster().home(), default.home());
}

#[test]
fn a_new_master_key_never_comes_to_sealed_data() {
    let (scratch, dir) = Scratch::new("key");
    let refused = master_key(&dir, true).expect_err("refuses").chain();
    assert!(refused.contains("master.key") && refused.contains("./dev reset"), "{refused}");
    let made = master_key(&dir, false).expect("the first start makes one");
    assert_eq!(master_key(&dir, true).expect("it is kept").0, made.0);
    assert!(!scratch.0.join("master.key.part").exists());
    std::fs::write(scratch.0.join("master.key"), "").expect("a full disk leaves nothing");
    let refused = master_key(&dir, false).expect_err("refuses").chain();
    assert!(refused.contains("is damaged") && refused.contains("./dev reset"), "{refused}");
}

#[test]
fn a_state_file_that_says_nothing_is_put_aside() {
    let (scratch, dir) = Scratch::new("garbled");
    assert!(!dir.resume().expect("there is none").seeded);
    dir.write(&DevState { seeded: true, ..DevState::default() }).expect("is written");
    assert!(dir.resume().expect("is read").seeded);
    std::fs::write(scratch.0.join("dev.json"), "{\"secret_key\": \"sk_").expect("half of it");
    assert!(!dir.resume().expect("begins anew").seeded);
    assert_eq!(std::fs::read_to_string(scratch.0.join("dev.json.bad")).expect("is kept"), "{\"secret_key\": \"sk_");
    assert!(!scratch.0.join("dev.json").exists());
}

#[test]
fn what_cannot_start_says_what_helps() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let taken = taken.local_addr().map(|address| (taken, address.to_string())).expect("an address");
    for (address, word) in [(taken.1.as_str(), "is taken"), ("8123", "host:port")] {
        let said = bindable(address).expect_err("refuses").chain();
        assert!(said.contains(word) && said.contains("--gateway"), "{said}");
    }
    bindable("127.0.0.1:0").expect("a free port");
    assert_eq!(last_words("▸ a step\nbloom: it broke\n▸ stopped\n").as_deref(), Some("it broke"));
    assert_eq!(last_words("▸ a step\n\n").as_deref(), Some("▸ a step"));
    assert_eq!(last_words(""), None);
}

#[test]
fn a_consumer_is_asked_for_at_its_service() {
    for definition in crate::SERVICES {
        assert_eq!(service_of(&format!("{}.anything", definition.name)).expect("is known"), definition.name);
    }
    for consumer in ["nope", "nope.listing", "catalog"] {
        let said = service_of(consumer).expect_err("refuses").chain();
        assert!(said.contains(consumer) && said.contains("catalog.listing"), "{said}");
    }
}
