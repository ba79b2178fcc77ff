//! Tests of `fleet.toml` and of the files generated from it.

use crate::fleet::Fleet;
use crate::generate::text::{Values, fill, replace_part};
use crate::workspace::Workspace;

const HEAD: &str = "[images]\nregistry = \"r\"\nrelease = \"1\"\n[gateway]\nowns = \"x\"\nport = 1\npages = []\n";

#[test]
fn generated_files_match_fleet_toml() {
    crate::generate::run(&Workspace::here(), true).expect("no difference");
}

#[test]
fn services_keep_the_order_of_the_file() {
    let service = |name: &str| format!("[service.{name}]\nowns = \"x\"\n");
    let fleet = Fleet::parse(&(HEAD.to_owned() + &service("b") + &service("a") + &service("c"))).expect("is good");
    assert_eq!(fleet.names().collect::<Vec<_>>(), ["b", "a", "c"]);
}

#[test]
fn an_inconsistent_fleet_toml_is_refused() {
    let good = "[service.a]\nowns = \"x\"\nprefixes = [{ path = \"/v1/a\" }]\npermissions.\"a:read\" = \"x\"\n\
                publishable = [\"a:read\"]\ncalls = [\"b\"]\n[service.b]\nowns = \"x\"\n";
    Fleet::parse(&format!("{HEAD}{good}")).expect("is good");
    for (from, to, reason) in [
        ("[service.a]", "[service.gateway]", "cannot be the name"),
        ("[service.a]", "[service.A]", "cannot be the name"),
        ("\"/v1/a\"", "\"v1/a\"", "begins with a slash"),
        ("\"/v1/a\"", "\"/v1/a/\"", "begins with a slash"),
        ("{ path = \"/v1/a\" }", "{ path = \"/v1/a\" }, { path = \"/v1/a\" }", "listed once"),
        ("\"a:read\" =", "\"read\" =", "noun:verb"),
        ("[\"a:read\"]", "[\"a:write\"]", "none of its permissions"),
        ("[\"b\"]", "[\"c\"]", "no other service"),
        ("[\"b\"]", "[\"a\"]", "no other service"),
        ("owns = \"x\"", "own = \"x\"", "unknown field"),
    ] {
        let text = format!("{HEAD}{}", good.replace(from, to));
        let error = Fleet::parse(&text).expect_err(to).to_string();
        assert!(error.contains(reason), "{to}: {error}");
    }
}

#[test]
fn templates_are_filled_and_empty_lines_removed() {
    let values = Values::from([("name", "x".to_owned()), ("none", String::new()), ("block", "a:\n  b\n".to_owned())]);
    let filled = fill("a: {name}-{name}\nb: {none}\nc: {}\n  {block}\nd: ${env:x}\n", &values).expect("is filled");
    assert_eq!(filled, "a: x-x\nc: {}\n  a:\n    b\nd: ${env:x}\n");
    let error = fill("a: {nothing}\n", &values).expect_err("has no value").to_string();
    assert!(error.contains("{nothing}"), "{error}");
}

#[test]
fn a_part_of_a_file_is_replaced_at_its_indentation() {
    let text = "a\n  # fleet.toml: begin x\n  old\n  # fleet.toml: end x\nb\n";
    let replaced = replace_part(text, "x", "new\nnewer\n").expect("is replaced");
    assert_eq!(replaced, "a\n  # fleet.toml: begin x\n  new\n  newer\n  # fleet.toml: end x\nb\n");
    assert!(replace_part(text, "y", "").is_err());
}

/// A separate process knows only the addresses of the services in `calls`. In one shared process a call that is not listed would
/// succeed, so the sources are checked.
#[test]
fn services_call_only_what_they_list() {
    let workspace = Workspace::here();
    let fleet = Fleet::load(&workspace).expect("is readable");
    for (name, service) in &fleet.services {
        for path in workspace.files(&format!("services/{name}/src"), ".rs").expect("readable") {
            let text = std::fs::read_to_string(&path).expect("readable");
            let tests = crate::tidy::source::is_test(&path);
            for called in text.split("peers.get(\"").skip(1).filter(|_| !tests).filter_map(|rest| rest.split('"').next()) {
                let listed = service.calls.iter().any(|call| call == called);
                assert!(listed, "{}: `{called}` is not among the calls in fleet.toml", workspace.relative(&path).display());
            }
        }
    }
}
