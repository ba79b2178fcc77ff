//! Rules about migrations and the SQL in services.

use std::fs;
use std::path::{Path, PathBuf};

use super::source;
use crate::Outcome;
use crate::workspace::Workspace;

/// Folders whose SQL may call `now()`: a lease is an agreement between processes, so it needs the one clock that they share.
const LEASES: &[&str] = &["crates/events/src/store/"];

/// Every migration file, in lower case and without comments.
fn migrations(workspace: &Workspace) -> Outcome<Vec<(PathBuf, String)>> {
    let mut found = Vec::new();
    for path in workspace.files("migrations", ".sql")? {
        let text = fs::read_to_string(&path)?.to_lowercase();
        let code: Vec<&str> = text.lines().map(|line| line.split("--").next().unwrap_or_default()).collect();
        found.push((workspace.relative(&path).to_owned(), code.join("\n")));
    }
    Ok(found)
}

/// The tables that a migration creates, except partitions.
pub(crate) fn tables(sql: &str) -> Vec<String> {
    let words: Vec<&str> = sql.split_whitespace().collect();
    let mut found = Vec::new();
    for (index, pair) in words.windows(2).enumerate() {
        if *pair != ["create", "table"] {
            continue;
        }
        let rest: Vec<&str> =
            words[index + 2..].iter().copied().filter(|word| !["if", "not", "exists"].contains(word)).take(3).collect();
        let name = rest.first().map(|name| name.split('(').next().unwrap_or_default().to_owned()).unwrap_or_default();
        // In a function body the name may be a placeholder such as %I.
        if rest.get(1) != Some(&"partition") && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') && !name.is_empty() {
            found.push(name);
        }
    }
    found
}

pub(crate) fn tables_state_retention(workspace: &Workspace) -> Outcome<Vec<String>> {
    let all = migrations(workspace)?;
    let mut breaches = Vec::new();
    for (path, sql) in &all {
        let folder: String =
            all.iter().filter(|(other, _)| other.parent() == path.parent()).map(|(_, sql)| sql.as_str()).collect();
        for table in tables(sql) {
            let comment = folder.split(&format!("comment on table {table} is")).nth(1).and_then(|rest| rest.split("';").next());
            let states = comment.is_some_and(|text| text.contains("retention:") && text.contains("personal:"));
            if !states {
                breaches.push(format!("{}: comment on table {table} is 'retention: …; personal: …'", path.display()));
            }
        }
    }
    Ok(breaches)
}

/// `tenant_table('…')` enables row-level security for a table. A table without rows of tenants must say so in its comment.
pub(crate) fn tables_are_guarded(workspace: &Workspace) -> Outcome<Vec<String>> {
    let all = migrations(workspace)?;
    let mut breaches = Vec::new();
    for (path, sql) in &all {
        let folder: String =
            all.iter().filter(|(other, _)| other.parent() == path.parent()).map(|(_, sql)| sql.as_str()).collect();
        let squeezed: String = folder.split_whitespace().collect();
        for table in tables(sql) {
            let guarded = squeezed.contains(&format!("tenant_table('{table}'"));
            let explicit = folder.contains(&format!("alter table {table} enable row level security"));
            if !guarded && !explicit && columns(sql, &table).contains("tenant_id") {
                breaches.push(format!("{}: {table} has a tenant_id and no `select tenant_table('{table}')`", path.display()));
            }
        }
    }
    Ok(breaches)
}

/// The text between `create table <name>` and the end of that statement.
fn columns<'a>(sql: &'a str, table: &str) -> &'a str {
    let start =
        sql.find(&format!("create table {table} ")).or_else(|| sql.find(&format!("create table {table}("))).unwrap_or(sql.len());
    sql[start..].split(';').next().unwrap_or_default()
}

pub(crate) fn no_sql_crosses_a_schema(workspace: &Workspace) -> Outcome<Vec<String>> {
    let schemas: Vec<String> = workspace.migrations()?.iter().map(|name| name.replace('-', "_")).collect();
    let mut texts = migrations(workspace)?;
    for folder in ["services", "gateway", "crates"] {
        for path in workspace.files(folder, ".rs")? {
            if !path.starts_with(workspace.path("crates/xtask")) {
                texts.push((workspace.relative(&path).to_owned(), fs::read_to_string(&path)?.to_lowercase()));
            }
        }
    }
    Ok(texts.iter().flat_map(|(path, text)| crossings(path, text, &schemas)).collect())
}

/// References to a table of another schema, such as `from catalog.product`: a keyword, a schema and a dot.
pub(crate) fn crossings(path: &Path, text: &str, schemas: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    let words: Vec<&str> = text.split_whitespace().collect();
    for pair in words.windows(2) {
        let table = pair[1].trim_start_matches(['(', '"']);
        let schema = table.split_once('.').map(|(schema, _)| schema.trim_matches('"'));
        if ["from", "join", "into", "update", "references", "table"].contains(&pair[0])
            && schema.is_some_and(|schema| schemas.iter().any(|known| known == schema))
        {
            found.push(format!("{}: {} {}", path.display(), pair[0], pair[1]));
        }
    }
    found
}

pub(crate) fn sql_does_not_read_the_clock(workspace: &Workspace) -> Outcome<Vec<String>> {
    let mut texts = migrations(workspace)?;
    for folder in ["services", "crates"] {
        for path in workspace.files(folder, ".rs")? {
            let path = workspace.relative(&path).to_owned();
            let lease = LEASES.iter().any(|lease| path.starts_with(lease));
            if !lease && !source::is_test(&path) && !path.starts_with("crates/xtask") {
                let text = fs::read_to_string(workspace.root.join(&path))?;
                texts.push((path, text));
            }
        }
    }
    let violation =
        |(path, text): &(PathBuf, String)| reads_the_clock(text).then(|| format!("{}: pass the time in", path.display()));
    Ok(texts.iter().filter_map(violation).collect())
}

/// SQL's `now()`, `current_timestamp` or `clock_timestamp()`; not Rust's `Instant::now()` or `clock.now(…)`.
pub(crate) fn reads_the_clock(text: &str) -> bool {
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    code.into_iter().any(|line| {
        let bare =
            |at: usize| !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '.' || c == ':' || c == '`');
        let calls = line.match_indices("now()").any(|(at, _)| bare(at) && !line[..at].ends_with("fn "));
        calls || line.contains("current_timestamp") || line.contains("clock_timestamp()")
    })
}
