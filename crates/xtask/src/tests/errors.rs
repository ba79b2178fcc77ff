//! Compares docs/errors.md with the sources: its headings are the codes, its rows the reasons of faults.

use std::collections::BTreeSet;

use bloom_fault::{Code, ViolationCode};

use crate::tidy::source::is_test;
use crate::workspace::Workspace;

/// Reasons that only other services or tests of sagas receive, never a client.
const WITHIN: [&str; 7] = [
    "bus_unavailable",
    "checkout_ended",
    "hold_not_over",
    "refused_by_test",
    "schema_version_unknown",
    "services_only",
    "stopping",
];

/// A reason with the name of its code, such as `Conflict`; `None` where only the reason is known.
type Reason<'t> = (Option<&'t str>, &'t str);

/// The quoted reason at the start of a text.
fn quoted(text: &str) -> Option<&str> {
    let (word, _) = text.strip_prefix('"')?.split_once('"')?;
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    (!word.is_empty() && word.bytes().all(plain)).then_some(word)
}

/// The reasons of all faults that a file creates.
fn fault_reasons(text: &str) -> Vec<Reason<'_>> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices("::new(") {
        let arguments = text[at + "::new(".len()..].trim_start().trim_start_matches("bloom_fault::");
        let Some((code, rest)) = arguments.strip_prefix("Code::").and_then(|rest| rest.split_once(',')) else { continue };
        let rest = rest.trim_start();
        if let Some(word) = quoted(rest) {
            found.push((Some(code), word));
        } else if rest.starts_with("reason,") {
            found.extend(reasons(text, at).into_iter().map(|word| (Some(code), word)));
        }
    }
    found
}

/// The values of a variable `reason` at a position: the literal it is set to, or the literals that callers in the same file pass to
/// the function or closure.
fn reasons(text: &str, at: usize) -> Vec<&str> {
    let above = &text[..at];
    let function = above.rfind("fn ");
    if let Some(set) = above.rfind("let reason = ").filter(|set| function < Some(*set)) {
        return quoted(&above[set + "let reason = ".len()..]).into_iter().collect();
    }
    let Some(start) = function.max(above.rfind("let ")) else { return Vec::new() };
    let head = above[start..].split(['{', ';']).next().unwrap_or_default();
    let name = head.split([' ', '(']).nth(1).unwrap_or_default();
    if name.is_empty() || !head.contains("reason") {
        return Vec::new();
    }
    let called = text.match_indices(name).filter(|(at, _)| text[at + name.len()..].starts_with('('));
    let word = |(at, _): (usize, &str)| {
        let (arguments, _) = text[at + name.len()..].split_once(')')?;
        arguments.match_indices('"').find_map(|(quote, _)| quoted(&arguments[quote..]))
    };
    called.filter_map(word).collect()
}

/// The reasons that the tests in a file expect.
fn expected(text: &str) -> impl Iterator<Item = Reason<'_>> {
    text.match_indices(".code(), ").filter_map(|(at, before)| Some((None, quoted(&text[at + before.len()..])?)))
}

#[test]
fn reasons_are_found_however_faults_are_created() {
    let text = r#"
        Fault::new(Code::Gone, "gone_word", "…");
        Fault::new(
            bloom_fault::Code::Invalid,
            "wrapped",
        );
        fn taken(pointer: &str, reason: &'static str) -> Fault { Fault::new(Code::Conflict, reason, "…").at(pointer, "taken", "") }
        taken("/sku", "sku_taken");
        let conflict = |reason, detail| Self::new(Code::Conflict, reason, detail);
        conflict("item_exists", "…");
        fn other() { let reason = "other_currency"; let detail = "…"; Fault::new(Code::Unprocessable, reason, detail) }
        Thing::new("no_fault");
    "#;
    let conflict = Some("Conflict");
    let found = [
        (Some("Gone"), "gone_word"),
        (Some("Invalid"), "wrapped"),
        (conflict, "sku_taken"),
        (conflict, "item_exists"),
        (Some("Unprocessable"), "other_currency"),
    ];
    assert_eq!(fault_reasons(text), found);
}

#[test]
fn every_error_is_documented() {
    let workspace = Workspace::here();
    let document = std::fs::read_to_string(workspace.path("docs/errors.md")).expect("it is committed");
    let headings: Vec<_> = document.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    let table = Code::ALL.map(|code| format!("{} {}", code.status().as_u16(), code.title()));
    assert_eq!(headings, table, "the headings of docs/errors.md are the table of codes");
    let (head, _) = document.split_once("\n## ").expect("headings");
    let rows_of_fields = head.lines().filter_map(|line| Some(line.strip_prefix("| `")?.split_once('`')?.0));
    let rows_of_fields: Vec<_> = rows_of_fields.filter(|row| *row != "code").collect();
    let vocabulary = ViolationCode::ALL.map(ViolationCode::as_str);
    assert_eq!(rows_of_fields, vocabulary, "the first table of docs/errors.md is the vocabulary of violations");

    let mut rows = BTreeSet::new();
    for (section, code) in document.split("\n## ").skip(1).zip(Code::ALL) {
        rows.extend(section.lines().filter_map(|line| Some((format!("{code:?}"), line.strip_prefix("| `")?.split_once('`')?.0))));
    }
    let (mut missing, mut sources) = (Vec::new(), String::new());
    for folder in ["contracts", "crates", "services", "gateway", "tests"] {
        for path in workspace.files(folder, ".rs").expect("readable") {
            // The test provider answers payments, not clients.
            if path.starts_with(workspace.path("crates/xtask")) || path.starts_with(workspace.path("services/sandbox-provider")) {
                continue;
            }
            let text = std::fs::read_to_string(&path).expect("readable");
            let words = if is_test(workspace.relative(&path)) { expected(&text).collect() } else { fault_reasons(&text) };
            for (code, word) in words {
                let is_row = |(of, row): &(String, &str)| *row == word && code.is_none_or(|code| code == of);
                if !WITHIN.contains(&word) && !rows.iter().any(is_row) {
                    missing.push(format!(
                        "{word} ({}) in {}",
                        code.unwrap_or("a test expects it"),
                        workspace.relative(&path).display()
                    ));
                }
            }
            if !is_test(workspace.relative(&path)) {
                sources.push_str(&text);
            }
        }
    }
    assert!(missing.is_empty(), "docs/errors.md lacks {missing:#?}");
    let stale: Vec<_> = rows.iter().filter(|(_, word)| !sources.contains(&format!("\"{word}\""))).collect();
    assert!(stale.is_empty(), "nothing says what docs/errors.md holds: {stale:#?}");
}
