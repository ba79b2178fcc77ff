//! The committed query metadata, which the checked SQL macros use where there is no database.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::workspace::{self, Workspace};
use crate::{Outcome, db};

const MACROS: [&str; 3] = ["query!(", "query_as!(", "query_scalar!("];

/// Regenerates the metadata of every crate. With `check` it restores the old files, and a difference is an error.
pub(crate) fn run(workspace: &Workspace, check: bool) -> Outcome {
    let users = users(workspace)?;
    if users.is_empty() {
        return Ok(());
    }
    db::run(workspace, "all")?;
    let before = snapshot(&users)?;
    for folder in &users {
        clear(folder)?;
    }
    let compiled = compile(workspace, &users);
    let after = snapshot(&users)?;
    if compiled.is_err() {
        restore(&before, &after)?;
        return compiled;
    }
    let changed: Vec<&PathBuf> = before.keys().chain(after.keys()).filter(|path| before.get(*path) != after.get(*path)).collect();
    for path in &changed {
        println!("{} {}", if check { "differs:" } else { "written:" }, workspace.relative(path).display());
    }
    if check && !changed.is_empty() {
        restore(&before, &after)?;
        return Err("committed query metadata differs from the code: run `cargo xtask sqlx` and commit".into());
    }
    Ok(())
}

/// Writes the metadata of one crate by compiling it and its tests. The crate's schema must be in the development database.
pub(crate) fn prepare(workspace: &Workspace, folder: &Path) -> Outcome {
    clear(folder)?;
    let mut command = workspace.cargo();
    command.args(["test", "-q", "--no-run", "-p", &workspace::package(folder)?]);
    command.env("SQLX_OFFLINE", "false").env_remove("DATABASE_URL").env_remove("SQLX_OFFLINE_DIR");
    if command.status()?.success() { Ok(()) } else { Err("the crate does not compile against its schema".into()) }
}

/// Restores the previous metadata.
fn restore(before: &BTreeMap<PathBuf, String>, after: &BTreeMap<PathBuf, String>) -> Outcome {
    for path in after.keys() {
        fs::remove_file(path)?;
    }
    for (path, text) in before {
        fs::write(path, text)?;
    }
    Ok(())
}

/// The crates whose sources use the checked SQL macros.
fn users(workspace: &Workspace) -> Outcome<Vec<PathBuf>> {
    let mut found = Vec::new();
    for service in workspace.migrations()? {
        for folder in workspace.crates_of(&service)? {
            let sources = workspace.files(&workspace.relative(&folder).join("src").to_string_lossy(), ".rs")?;
            let texts = sources.iter().map(fs::read_to_string).collect::<Result<Vec<_>, _>>()?;
            if texts.iter().any(|text| MACROS.iter().any(|name| text.contains(name))) {
                found.push(folder);
            }
        }
    }
    Ok(found)
}

/// Deletes the metadata, and makes cargo compile the crate again.
fn clear(folder: &Path) -> Outcome {
    let metadata = folder.join(".sqlx");
    if metadata.exists() {
        fs::remove_dir_all(&metadata)?;
    }
    fs::create_dir_all(&metadata)?;
    let library = folder.join("src/lib.rs");
    #[expect(clippy::disallowed_methods, reason = "the time stamp of a file, not business time")]
    fs::File::options().append(true).open(library)?.set_modified(SystemTime::now())?;
    Ok(())
}

/// Runs Clippy on all targets, so that `./dev test` does not compile them a second time.
fn compile(workspace: &Workspace, users: &[PathBuf]) -> Outcome {
    let mut command = workspace.cargo();
    command.args(["clippy", "-q", "--all-targets", "--no-deps"]);
    command.env("SQLX_OFFLINE", "false").env_remove("DATABASE_URL").env_remove("SQLX_OFFLINE_DIR");
    for folder in users {
        command.arg("-p").arg(workspace::package(folder)?);
    }
    if command.status()?.success() { Ok(()) } else { Err("a crate does not compile against its schema".into()) }
}

fn snapshot(users: &[PathBuf]) -> Outcome<BTreeMap<PathBuf, String>> {
    let mut found = BTreeMap::new();
    for folder in users {
        let metadata = folder.join(".sqlx");
        for entry in fs::read_dir(&metadata).into_iter().flatten() {
            let path = entry?.path();
            if workspace::name(&path).is_some_and(|name| name.starts_with("query-")) {
                found.insert(path.clone(), fs::read_to_string(path)?);
            }
        }
    }
    Ok(found)
}
