//! Rules about the layout of a service: folders per resource, dependencies in one direction, pure models.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::source::{is_test, lines_with, sources};
use crate::Outcome;
use crate::workspace::{self, Workspace};

/// The greatest length of a test name.
const TEST_NAME: usize = 60;

/// Files that may name `aide`. All others describe an operation by its types and `bloom_web::Doc`.
///
/// `crates/fault` describes its own problem document, because a foreign trait can only be implemented in the crate of the type.
const AIDE: &[&str] = &["crates/web/", "crates/bloom/", "crates/testkit/", "crates/events/src/tests", "crates/fault/src/http.rs"];

/// A service is divided into resources, not into layers.
pub(crate) fn services_have_resources(workspace: &Workspace) -> Outcome<Vec<String>> {
    let mut breaches = Vec::new();
    for service in workspace::folders(&workspace.path("services"))? {
        for layer in ["ops", "http", "domain", "store", "events", "handlers", "models"] {
            let folder = service.join("src").join(layer);
            if folder.is_dir() {
                breaches.push(format!("{}: a folder per resource, not per layer", workspace.relative(&folder).display()));
            }
        }
    }
    Ok(breaches)
}

/// `model.rs` decides on given values only: no database, no network, no clock, no async.
pub(crate) fn models_are_pure(workspace: &Workspace) -> Outcome<Vec<String>> {
    let words = ["PgConnection", "query!(", "axum", "tonic", "tokio", "async ", ".await", "Clock", "f64", "f32"];
    let model = |path: &Path| path.components().any(|part| part.as_os_str() == "model" || part.as_os_str() == "model.rs");
    let files = sources(workspace)?.into_iter().filter(|(path, _)| path.starts_with("services") && model(path) && !is_test(path));
    Ok(files.flat_map(|(path, text)| lines_with(&path, &text, &words)).collect())
}

/// Only the HTTP layer names the library that describes the API.
pub(crate) fn services_do_not_name_aide(workspace: &Workspace) -> Outcome<Vec<String>> {
    let files = sources(workspace)?.into_iter().filter(|(path, _)| {
        let path = path.to_string_lossy();
        !AIDE.iter().any(|known| path.starts_with(known))
    });
    Ok(files.flat_map(|(path, text)| lines_with(&path, &text, &["aide::", "use aide"])).collect())
}

/// A test name is one short sentence.
pub(crate) fn test_names_are_short(workspace: &Workspace) -> Outcome<Vec<String>> {
    let long = |(path, text): (PathBuf, String)| -> Vec<String> {
        let mut found = Vec::new();
        let mut after_attribute = false;
        for line in text.lines().map(str::trim) {
            if line.starts_with("#[test") || line.starts_with("#[tokio::test") {
                after_attribute = true;
            } else if let Some((_, name)) = line.split_once("fn ").filter(|_| after_attribute) {
                let name = name.split(['(', '<']).next().unwrap_or_default();
                if TEST_NAME < name.len() {
                    found.push(format!("{}: {name} has {} characters, at most {TEST_NAME}", path.display(), name.len()));
                }
                after_attribute = false;
            }
        }
        found
    };
    Ok(sources(workspace)?.into_iter().flat_map(long).collect())
}

/// Dependencies have one direction: neither two modules of a service nor two files of a resource may use each other, directly or
/// indirectly.
pub(crate) fn modules_do_not_use_each_other(workspace: &Workspace) -> Outcome<Vec<String>> {
    let mut breaches = Vec::new();
    for service in workspace::folders(&workspace.path("services"))? {
        let root = service.join("src");
        let mut modules: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut files: BTreeMap<PathBuf, BTreeMap<String, BTreeSet<String>>> = BTreeMap::new();
        for path in workspace.files(&format!("{}/src", workspace.relative(&service).display()), ".rs")? {
            let inner = path.strip_prefix(&root)?;
            let text = fs::read_to_string(&path)?;
            let Some(module) = module_of(inner).filter(|_| !is_test(inner)) else { continue };
            let code = without_tests(&text);
            modules.entry(module).or_default().extend(named_after("crate::", &code));
            let stem = inner.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            if let Some(folder) = inner.parent().filter(|folder| !folder.as_os_str().is_empty() && stem != "mod") {
                let siblings = files.entry(folder.to_owned()).or_default();
                siblings.entry(stem).or_default().extend(named_after("super::", &code));
            }
        }
        let name = workspace.relative(&service).display().to_string();
        breaches.extend(cycles(&modules).into_iter().map(|circle| format!("{name}: {circle}")));
        for (folder, siblings) in &files {
            let found = cycles(siblings).into_iter();
            breaches.extend(found.map(|circle| format!("{name}/{}: {circle}", folder.display())));
        }
    }
    Ok(breaches)
}

/// The top-level module of a crate that a file belongs to; `None` for `lib.rs` and `main.rs`.
fn module_of(file: &Path) -> Option<String> {
    let first = file.components().next()?.as_os_str().to_string_lossy().into_owned();
    let name = first.trim_end_matches(".rs");
    (!["lib", "main"].contains(&name)).then(|| name.to_owned())
}

/// The code without comments and without the test module at its end.
fn without_tests(text: &str) -> String {
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// The modules named after a prefix: `hold` and `item` in `crate::hold::expire` and `crate::{hold, item::Level, Inventory}`.
fn named_after(prefix: &str, code: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for rest in code.split(prefix).skip(1) {
        let group = rest.strip_prefix('{').and_then(|rest| rest.split("};").next());
        match group {
            Some(group) => names.extend(at_the_top(group)),
            None => names.extend(rest.split(|letter: char| !letter.is_alphanumeric() && letter != '_').next().map(str::to_owned)),
        }
    }
    names
}

/// The first names in a `use` group, without those of nested groups.
fn at_the_top(group: &str) -> Vec<String> {
    let (mut depth, mut words, mut word) = (0, Vec::new(), String::new());
    for letter in group.chars() {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => words.push(std::mem::take(&mut word)),
            letter if depth == 0 => word.push(letter),
            _ => {}
        }
    }
    words.push(word);
    words.iter().filter_map(|word| word.trim().split("::").next()).map(str::to_owned).collect()
}

/// Each set of modules that depend on each other, as one line.
fn cycles(graph: &BTreeMap<String, BTreeSet<String>>) -> Vec<String> {
    let reach = |from: &String| {
        let (mut seen, mut open) = (BTreeSet::new(), vec![from.clone()]);
        while let Some(module) = open.pop() {
            for next in graph.get(&module).into_iter().flatten() {
                if graph.contains_key(next) && *next != module && seen.insert(next.clone()) {
                    open.push(next.clone());
                }
            }
        }
        seen
    };
    let reached: BTreeMap<&String, BTreeSet<String>> = graph.keys().map(|module| (module, reach(module))).collect();
    let mut found = BTreeSet::new();
    for (module, others) in &reached {
        let mut circle: BTreeSet<&String> = others.iter().filter(|other| reached[other].contains(*module)).collect();
        if !circle.is_empty() {
            circle.insert(module);
            found.insert(circle.into_iter().map(String::as_str).collect::<Vec<_>>().join(" ↔ "));
        }
    }
    found.into_iter().collect()
}

/// No service is called while a transaction is open: the closures of `idempotent` and `transaction`, and the last closure of
/// `idempotent_after`, use none of the service's clients.
pub(crate) fn transactions_call_no_service(workspace: &Workspace) -> Outcome<Vec<String>> {
    let mut breaches = Vec::new();
    for service in workspace::folders(&workspace.path("services"))? {
        let clients = clients_of(&fs::read_to_string(service.join("src/lib.rs"))?);
        for path in workspace.files(&format!("{}/src", workspace.relative(&service).display()), ".rs")? {
            let text = fs::read_to_string(&path)?;
            for body in transaction_bodies(&text) {
                let used = clients.iter().filter(|client| body.contains(&format!("app.{client}.")));
                breaches.extend(
                    used.map(|client| format!("{}: asks {client} in a transaction", workspace.relative(&path).display())),
                );
            }
        }
    }
    Ok(breaches)
}

/// The fields of the service's state that are gRPC clients.
fn clients_of(lib: &str) -> Vec<String> {
    let field = |line: &str| {
        let (name, kind) = line.trim().trim_end_matches(',').split_once(": ")?;
        kind.split('<').next()?.ends_with("Client").then(|| name.rsplit(' ').next().unwrap_or(name).to_owned())
    };
    lib.lines().filter_map(field).collect()
}

/// The code that runs while a transaction is open.
pub(crate) fn transaction_bodies(text: &str) -> Vec<&str> {
    let mut bodies = Vec::new();
    for opening in [".idempotent(", ".transaction(", ".idempotent_after("] {
        for (start, _) in text.match_indices(opening) {
            let arguments = balanced(&text[start + opening.len()..]);
            let begins = if opening == ".idempotent_after(" { arguments.rfind("async |tx") } else { arguments.find("async |") };
            bodies.extend(begins.map(|begins| &arguments[begins..]));
        }
    }
    bodies
}

/// The text up to its matching closing parenthesis.
fn balanced(text: &str) -> &str {
    let mut depth = 1;
    for (index, letter) in text.char_indices() {
        depth += i32::from(letter == '(') - i32::from(letter == ')');
        if depth == 0 {
            return &text[..index];
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cycle_of_three_modules_is_found() {
        let graph = [("a", "b"), ("b", "c"), ("c", "a"), ("d", "a")];
        let graph = graph.into_iter().map(|(from, to)| (from.to_owned(), BTreeSet::from([to.to_owned()]))).collect();
        assert_eq!(cycles(&graph), ["a ↔ b ↔ c"]);
    }

    #[test]
    fn modules_are_read_from_paths_and_groups() {
        let code = "use crate::hold::{Hold, x::Y};\nuse crate::{Inventory, item::{Level, z}, stock};\nlet a = crate::error::b();";
        let expected = ["Inventory", "error", "hold", "item", "stock"].map(str::to_owned);
        assert_eq!(named_after("crate::", code), BTreeSet::from(expected));
    }

    #[test]
    fn a_call_in_a_transaction_is_found() {
        let lib = "pub struct Catalog {\n    db: Db,\n    pub(crate) pricing: PricingClient<Peer>,\n}";
        assert_eq!(clients_of(lib), ["pricing"]);
        let asks = "app.db.idempotent_after(op, async || app.pricing.x().await, async |tx, asked| { tx.y(asked).await })";
        assert!(transaction_bodies(asks).iter().all(|body| !body.contains("app.pricing.")));
        let wrong = "app.db.idempotent(op, async |tx| { app.pricing.x().await })";
        assert!(transaction_bodies(wrong).iter().any(|body| body.contains("app.pricing.")));
    }
}
