//! Rules about Rust source files.

use std::fs;
use std::path::{Path, PathBuf};

use crate::Outcome;
use crate::workspace::{self, Workspace};

/// A longer file is a violation.
const HARD_LIMIT: usize = 600;
/// A longer file is reported for review.
const SOFT_LIMIT: usize = 400;
/// The limit for a service's `main.rs`, which contains only `fn main`.
const MAIN_LIMIT: usize = 15;

/// Files that may open a connection that sees every tenant, and why.
const SYSTEM_CALLERS: &[(&str, &str)] = &[
    ("crates/db/src/", "defines it"),
    ("crates/events/src/", "relay, timers, partitions, state export, checks and drain look over all tenants"),
    ("crates/testkit/src/", "tests corrupt data on purpose"),
    ("crates/bloom/src/account.rs", "looks up the demo account by name before its environments are known"),
    ("services/identity/src/api_key/resolve.rs", "a key names its tenant, not the other way round"),
    ("services/identity/src/api_key/revocation.rs", "gateways poll the revocations of all tenants"),
    ("services/identity/src/api_key/usage.rs", "the last use of keys is written in batches over all tenants"),
    ("services/inventory/src/stock/publisher.rs", "finds the tenants with stock events to publish"),
    ("services/payments/src/connection/store.rs", "a provider's webhook names a connection, not a tenant"),
];

/// Files that may read with a statement that sets its own tenant, and why.
const ONE_STATEMENT_CALLERS: &[(&str, &str)] = &[
    ("crates/db/src/", "defines it"),
    ("services/catalog/src/product/list/store.rs", "the page of products, the most frequent read of shops"),
    ("services/catalog/src/product/sellable.rs", "a purchase reads the products of its cart twice"),
    ("services/pricing/src/quote/store.rs", "a purchase reads its prices twice"),
    ("services/inventory/src/stock/availability.rs", "each read of a cart reads its stock"),
    ("services/cart/src/cart/store.rs", "each read and each change of a cart"),
    ("services/cart/src/delivery_option/store.rs", "each change of a cart"),
];

/// Files that may write with a statement that is a transaction of its own, and why: it is measured to pay there (ADR 14).
const WRITE_ONCE_CALLERS: &[(&str, &str)] = &[
    ("crates/db/src/", "defines it"),
    ("crates/events/src/tests/", "tests it"),
    ("services/cart/src/cart/", "every change of a cart"),
    ("services/inventory/src/hold/store.rs", "every purchase places and ends a hold"),
    ("services/orders/src/checkout/", "every step of a purchase"),
    ("services/orders/src/checkout_saga/", "every step of a purchase"),
    ("services/payments/src/payment/", "every purchase authorises a payment"),
    ("services/sandbox-provider/src/authorisation/", "every purchase of the demo shop and of the bench"),
];

/// The Rust files of all members except this one, whose rules contain the forbidden words.
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

/// Whether a file belongs to tests: `tests.rs`, or a file below a folder `tests`.
pub(crate) fn is_test(path: &Path) -> bool {
    path.components().any(|part| part.as_os_str() == "tests" || part.as_os_str() == "tests.rs")
}

/// `path:line: text` of every line of code (without comments) that contains one of the words.
pub(crate) fn lines_with(path: &Path, text: &str, words: &[&str]) -> Vec<String> {
    let code = |line: &&str| !line.trim_start().starts_with("//");
    let hit = |line: &str| words.iter().any(|word| line.contains(word));
    let numbered = text.lines().enumerate().filter(|(_, line)| code(line) && hit(line));
    numbered.map(|(index, line)| format!("{}:{}: {}", path.display(), index + 1, line.trim())).collect()
}

pub(crate) fn files_are_short(workspace: &Workspace) -> Outcome<Vec<String>> {
    longer_than(workspace, HARD_LIMIT)
}

/// Files above the soft limit. They are no violation; `cargo xtask tidy` prints them.
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

/// A test waits for a condition (in a function called `eventually`), advances the fake clock, or explains above the line why real
/// time must pass: `// Real time: …`.
pub(crate) fn tests_do_not_sleep(workspace: &Workspace) -> Outcome<Vec<String>> {
    let tests = sources(workspace)?.into_iter().filter(|(path, _)| is_test(path));
    Ok(tests.flat_map(|(path, text)| sleeps(&path, &text)).collect())
}

/// The lines that sleep without one of these two exceptions.
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

/// Row-level security does not restrict a system connection. In a statement that sets its own tenant, it restricts rows to that
/// tenant, whichever it is. So every caller of either is on a list.
pub(crate) fn connections_are_listed(workspace: &Workspace) -> Outcome<Vec<String>> {
    let mut breaches = Vec::new();
    let ways = [
        (SYSTEM_CALLERS, &[".system()", ".system_conn()"][..]),
        (ONE_STATEMENT_CALLERS, &[".read_once("][..]),
        (WRITE_ONCE_CALLERS, &["write_once!(", ".write_once(", ".begin_once("][..]),
    ];
    for (callers, words) in ways {
        let listed = |path: &Path| is_test(path) || callers.iter().any(|(known, _)| path.starts_with(known));
        let files = sources(workspace)?.into_iter().filter(|(path, _)| !listed(path));
        breaches.extend(files.flat_map(|(path, text)| lines_with(&path, &text, words)));
    }
    Ok(breaches)
}

/// A statement that sets its own tenant reads the tenant's rows in a `lateral (… offset 0)`, which PostgreSQL neither reorders
/// nor starts earlier. Without the `offset` the planner may read the rows first, under the previous tenant.
pub(crate) fn tenants_are_set_first(workspace: &Workspace) -> Outcome<Vec<String>> {
    let mut breaches = Vec::new();
    for member in workspace.members()? {
        let Ok(folder) = fs::read_dir(member.join(".sqlx")) else { continue };
        for file in folder.flatten() {
            let text = fs::read_to_string(file.path())?;
            let sets = text.matches("set_config('bloom.tenant'").count();
            let (behind, fences) = (text.matches("lateral (").count(), text.matches("offset 0").count());
            // In a statement that writes, `materialized` fences `tenant` itself.
            let own = usize::from(!text.contains("with tenant as materialized"));
            // A transaction that switches to another tenant sets it and reads nothing.
            let enters = text.contains("select set_config('bloom.tenant', $1, true)\"");
            if 0 < sets && !enters && (behind == 0 || fences < behind + own) {
                breaches.push(format!("{}: {behind} lateral, {fences} offset 0", workspace.relative(&file.path()).display()));
            }
        }
    }
    Ok(breaches)
}
