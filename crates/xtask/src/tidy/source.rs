//! Rules about Rust files.

use std::fs;
use std::path::{Path, PathBuf};

use crate::Outcome;
use crate::workspace::{self, Workspace};

/// Longer is a breach.
const HARD_LIMIT: usize = 600;
/// Longer deserves a look.
const SOFT_LIMIT: usize = 400;
/// `fn main` of a service and nothing else.
const MAIN_LIMIT: usize = 15;

/// Who may open a connection that sees every tenant, and why.
const SYSTEM_CALLERS: &[(&str, &str)] = &[
    ("crates/db/src/", "defines it"),
    ("crates/events/src/", "relay, timers, partitions, state export, checks and drain look over all tenants"),
    ("crates/testkit/src/", "tests corrupt data on purpose"),
    ("crates/bloom/src/account.rs", "asks by name whether the demo account is there; its environments are not known yet"),
    ("services/identity/src/api_key/resolve.rs", "a key names its tenant, not the other way round"),
    ("services/identity/src/api_key/revocation.rs", "gateways poll the revocations of all tenants"),
    ("services/identity/src/api_key/usage.rs", "the last use of keys is written in batches over all tenants"),
    ("services/inventory/src/stock/publisher.rs", "asks which tenants have stock events to publish"),
    ("services/payments/src/ops/receive_notice.rs", "a provider's webhook names a connection, not a tenant"),
];

/// Who may read in one statement that sets its tenant itself, and why.
const ONE_STATEMENT_CALLERS: &[(&str, &str)] = &[
    ("crates/db/src/", "defines it"),
    ("services/catalog/src/product/list/store.rs", "the page of products, the read that shops do most"),
    ("services/catalog/src/product/sellable.rs", "a purchase asks twice for what is in its cart"),
    ("services/pricing/src/quote/store.rs", "a purchase asks twice for its prices"),
    ("services/inventory/src/stock/availability.rs", "each look at a cart asks for stock"),
    ("services/cart/src/cart/store.rs", "each look at a cart, each change of it"),
    ("services/cart/src/delivery_option/store.rs", "each change of a cart"),
];

/// The Rust files of all members; this program's own rules name what they forbid, so it is left out.
pub(crate) fn sources(workspace: &Workspace) -> Outcome<Vec<(PathBuf, String)>> {
    let mut found = Vec::new();
    for folder in ["crates", "services", "gateway", "tests"] {
        for path in workspace.files(folder, ".rs")? {
            if !path.starts_with(workspace.path("crates/xtask")) {
                let text = fs::read_to_string(&path)?;
                found.push((workspace.relative(&path).to_owned(), text));
            }
        }
    }
    Ok(found)
}

/// Whether a file belongs to tests: `tests.rs`, anything below a folder `tests`.
pub(crate) fn is_test(path: &Path) -> bool {
    path.components().any(|part| part.as_os_str() == "tests" || part.as_os_str() == "tests.rs")
}

/// `path:line: text` of every code line (comments excepted) that holds one of the words.
pub(crate) fn lines_with(path: &Path, text: &str, words: &[&str]) -> Vec<String> {
    let code = |line: &&str| !line.trim_start().starts_with("//");
    let hit = |line: &str| words.iter().any(|word| line.contains(word));
    let numbered = text.lines().enumerate().filter(|(_, line)| code(line) && hit(line));
    numbered.map(|(index, line)| format!("{}:{}: {}", path.display(), index + 1, line.trim())).collect()
}

pub(crate) fn files_are_short(workspace: &Workspace) -> Outcome<Vec<String>> {
    longer_than(workspace, HARD_LIMIT)
}

/// Not a breach: printed by `cargo xtask tidy`.
pub(crate) fn files_worth_splitting(workspace: &Workspace) -> Outcome<Vec<String>> {
    longer_than(workspace, SOFT_LIMIT)
}

fn longer_than(workspace: &Workspace, limit: usize) -> Outcome<Vec<String>> {
    let counted = sources(workspace)?.into_iter().map(|(path, text)| (path, text.lines().count()));
    let long = counted.filter(|(_, lines)| *lines > limit);
    Ok(long.map(|(path, lines)| format!("{}: {lines} lines, at most {limit}", path.display())).collect())
}

pub(crate) fn main_only_starts(workspace: &Workspace) -> Outcome<Vec<String>> {
    let mains = sources(workspace)?.into_iter().filter(|(path, _)| path.starts_with("services") && path.ends_with("main.rs"));
    let long = mains.map(|(path, text)| (path, text.lines().count())).filter(|(_, lines)| *lines > MAIN_LIMIT);
    Ok(long.map(|(path, lines)| format!("{}: {lines} lines, at most {MAIN_LIMIT}", path.display())).collect())
}

pub(crate) fn nothing_is_left_for_later(workspace: &Workspace) -> Outcome<Vec<String>> {
    let words = ["todo!(", "unimplemented!(", "TODO", "FIXME", "#[ignore"];
    let in_code = |(path, text): (PathBuf, String)| -> Vec<String> {
        let numbered = text.lines().enumerate().filter(|(_, line)| words.iter().any(|word| line.contains(word)));
        numbered.map(|(index, line)| format!("{}:{}: {}", path.display(), index + 1, line.trim())).collect()
    };
    Ok(sources(workspace)?.into_iter().flat_map(in_code).collect())
}

/// A test waits for a condition (in a function called `eventually`), moves the fake clock, or says above the line why
/// real time must pass: `// Real time: …`.
pub(crate) fn tests_do_not_sleep(workspace: &Workspace) -> Outcome<Vec<String>> {
    let tests = sources(workspace)?.into_iter().filter(|(path, _)| is_test(path));
    Ok(tests.flat_map(|(path, text)| sleeps(&path, &text)).collect())
}

/// The lines that sleep without one of the two excuses.
pub(crate) fn sleeps(path: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let (mut within, mut above) = ("", "");
    for (index, line) in text.lines().map(str::trim).enumerate() {
        if let Some((_, name)) = line.split_once("fn ") {
            within = name;
        }
        let excused = within.starts_with("eventually") || above.starts_with("// Real time:");
        if line.contains("sleep(") && !line.starts_with("//") && !excused {
            found.push(format!("{}:{}: {line}", path.display(), index + 1));
        }
        above = line;
    }
    found
}

pub(crate) fn names_say_what_is_inside(workspace: &Workspace) -> Outcome<Vec<String>> {
    let empty = |part: &str| ["utils", "util", "helpers", "helper", "common", "misc"].contains(&part.trim_end_matches(".rs"));
    let vague = |path: &PathBuf| path.components().any(|part| empty(&part.as_os_str().to_string_lossy()));
    let paths = sources(workspace)?.into_iter().map(|(path, _)| path).filter(vague);
    Ok(paths.map(|path| format!("{}: name it after what it does", path.display())).collect())
}

pub(crate) fn crates_say_why(workspace: &Workspace) -> Outcome<Vec<String>> {
    let mut breaches = Vec::new();
    for folder in workspace::folders(&workspace.path("crates"))? {
        let entry = ["src/lib.rs", "src/main.rs"].map(|file| folder.join(file)).into_iter().find(|path| path.exists());
        let Some(entry) = entry else { continue };
        if !fs::read_to_string(&entry)?.starts_with("//! ") {
            breaches
                .push(format!("{}: the first line is `//!` and says why the crate exists", workspace.relative(&entry).display()));
        }
    }
    Ok(breaches)
}

/// Row-level security does not bind a system connection, and compares with whatever a statement has set that sets its
/// tenant itself: each caller of either is known by name.
pub(crate) fn connections_are_listed(workspace: &Workspace) -> Outcome<Vec<String>> {
    let mut breaches = Vec::new();
    let ways = [(SYSTEM_CALLERS, &[".system()", ".system_conn()"][..]), (ONE_STATEMENT_CALLERS, &[".read_once("][..])];
    for (callers, words) in ways {
        let listed = |path: &Path| is_test(path) || callers.iter().any(|(known, _)| path.starts_with(known));
        let files = sources(workspace)?.into_iter().filter(|(path, _)| !listed(path));
        breaches.extend(files.flat_map(|(path, text)| lines_with(&path, &text, words)));
    }
    Ok(breaches)
}

/// A statement that sets its tenant itself asks for the tenant's rows behind that: in a `lateral (… offset 0)`, which is
/// neither planned nor begun before. Without the `offset` the planner may look for them first, under the tenant before.
pub(crate) fn tenants_are_set_first(workspace: &Workspace) -> Outcome<Vec<String>> {
    let mut breaches = Vec::new();
    for member in workspace.members()? {
        let Ok(folder) = fs::read_dir(member.join(".sqlx")) else { continue };
        for file in folder.flatten() {
            let text = fs::read_to_string(file.path())?;
            let sets = text.matches("set_config('bloom.tenant'").count();
            let (behind, fences) = (text.matches("lateral (").count(), text.matches("offset 0").count());
            // The fence of `tenant` itself is a `materialized` in a statement that writes.
            let own = usize::from(!text.contains("with tenant as materialized"));
            // A transaction that goes on as another tenant sets it and asks for nothing.
            let enters = text.contains("select set_config('bloom.tenant', $1, true)\"");
            if 0 < sets && !enters && (behind == 0 || fences < behind + own) {
                breaches.push(format!("{}: {behind} lateral, {fences} offset 0", workspace.relative(&file.path()).display()));
            }
        }
    }
    Ok(breaches)
}
