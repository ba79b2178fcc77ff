//! Runs the house rules on this checkout, and each rule on an example that violates it.

mod compose;
mod errors;
mod fleet;
mod manifests;
mod new_service;
mod prometheus;

use std::path::Path;

use crate::tidy::{RULES, dependencies, source, sql};
use crate::workspace::Workspace;

/// All Rust code of the fleet as one text.
fn code(workspace: &Workspace) -> String {
    let files = ["crates", "services", "gateway"].map(|folder| workspace.files(folder, ".rs").expect("readable"));
    files.concat().iter().map(|path| std::fs::read_to_string(path).expect("readable")).collect()
}

#[test]
fn this_checkout_keeps_the_house_rules() {
    let workspace = Workspace::here();
    let mut breaches = Vec::new();
    for (name, rule) in RULES {
        breaches.extend(rule(&workspace).expect("the rule runs").into_iter().map(|breach| format!("{name}: {breach}")));
    }
    assert!(breaches.is_empty(), "{} breaches:\n{}", breaches.len(), breaches.join("\n"));
}

#[test]
fn committed_contracts_match_proto() {
    crate::proto::run(&Workspace::here(), true).expect("no difference");
}

#[test]
fn peers_of_an_earlier_version_understand_the_contracts() {
    crate::baseline::run(&Workspace::here(), crate::baseline::Mode::Check).expect("compatible, and listed");
}

#[test]
fn dependencies_of_all_sections_are_found() {
    let manifest = "[package]\nname = \"x\"\n\n[dependencies]\nserde.workspace = true\ntonic-prost = \"1\"\n# no = 1\n\n[lints]\nworkspace = true\n\n\
                    [dev-dependencies]\ninsta.workspace = true\n";
    assert_eq!(dependencies::dependencies(manifest), ["serde", "tonic-prost", "insta"]);
}

#[test]
fn a_snapshot_without_a_test_is_found() {
    let words = ["location_created", "created"].map(str::to_owned).into();
    for (name, is_used) in [
        ("bloom_inventory__location__tests__location_created.snap", true),
        ("bloom_inventory__location__tests__location_created-2.snap", true),
        ("bloom_inventory__location__tests__location_gone.snap", false),
    ] {
        assert_eq!(dependencies::is_used(Path::new(name), &words), is_used, "{name}");
    }
}

#[test]
fn every_variable_is_documented() {
    let workspace = Workspace::here();
    let document = std::fs::read_to_string(workspace.path("docs/configuration.md")).expect("it is committed");
    let mut unknown = Vec::new();
    for folder in ["crates", "services", "gateway", "tests", "bench"] {
        for path in workspace.files(folder, ".rs").expect("readable") {
            let text = std::fs::read_to_string(&path).expect("readable");
            for (start, _) in text.match_indices("\"BLOOM_") {
                let name: String =
                    text[start + 1..].chars().take_while(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || *c == '_').collect();
                let generic = name.replace("IDENTITY", "<SERVICE>");
                // A name that ends with an underscore is a prefix; the rest depends on the service.
                if !name.ends_with('_') && ![name.as_str(), &generic].iter().any(|name| document.contains(&format!("`{name}`"))) {
                    unknown.push(format!("{name} in {}", workspace.relative(&path).display()));
                }
            }
        }
    }
    assert!(unknown.is_empty(), "docs/configuration.md lacks {unknown:#?}");
}

#[test]
fn tables_are_found_and_partitions_are_not() {
    let text = "create table product (id uuid);\ncreate table if not exists hold(\nid uuid);\n\
                create table outbox_default partition of outbox default;\nexecute format('create table %I partition of x', n);";
    assert_eq!(sql::tables(text), ["product", "hold"]);
}

#[test]
fn a_reference_to_another_schema_is_found() {
    let schemas = ["catalog".to_owned(), "inventory".to_owned()];
    let crosses = |text: &str| !sql::crossings(Path::new("x.rs"), text, &schemas).is_empty();
    assert!(crosses("select 1 from catalog.product"));
    assert!(crosses("insert into inventory.hold values (1)"));
    assert!(!crosses("select inventory.available from inventory"));
}

#[test]
fn sql_time_is_distinguished_from_rust_time() {
    for query in ["values ($1, now())", "default now(),", "where run_at < clock_timestamp()", "set at = current_timestamp"] {
        assert!(sql::reads_the_clock(query), "{query}");
    }
    for passed in ["let t = Instant::now();", "clock.now()", "// calls now() never", "fn now() -> T"] {
        assert!(!sql::reads_the_clock(passed), "{passed}");
    }
}

#[test]
fn a_sleep_needs_a_reason() {
    let text = "async fn buys() {\nsleep(1);\n// Real time: the lease runs out.\nsleep(2);\n// sleep(3)\n}\nfn eventually() {\nsleep(4);\n}";
    assert_eq!(source::sleeps(Path::new("a.rs"), text), ["a.rs:2: sleep(1);"]);
}

#[test]
fn a_word_in_a_comment_is_no_violation() {
    let found = source::lines_with(Path::new("a.rs"), "// f64\nlet x: f64;\n", &["f64"]);
    assert_eq!(found, ["a.rs:2: let x: f64;"]);
}
