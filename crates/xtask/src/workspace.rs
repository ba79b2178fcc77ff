//! Paths in the checkout.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Outcome;

/// The checkout from which this program was built.
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
}

impl Workspace {
    pub(crate) fn here() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap_or(Path::new("."));
        Self { root: root.to_owned() }
    }

    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.root.join(relative)
    }

    /// A cargo command in this workspace, without the variables that the calling cargo has set for this package: build scripts would
    /// run again when they differ.
    pub(crate) fn cargo(&self) -> Command {
        let mut command = Command::new("cargo");
        command.current_dir(&self.root);
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy();
            if ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_"].iter().any(|prefix| name.starts_with(prefix)) {
                command.env_remove(&*name);
            }
        }
        command
    }

    /// The path relative to the root, for messages.
    pub(crate) fn relative<'a>(&self, path: &'a Path) -> &'a Path {
        path.strip_prefix(&self.root).unwrap_or(path)
    }

    /// The folders under `migrations/`, one per schema. `platform`, with the tables that every service has, comes first.
    pub(crate) fn migrations(&self) -> Outcome<Vec<String>> {
        let mut names: Vec<String> = folders(&self.path("migrations"))?.iter().filter_map(|path| name(path)).collect();
        names.sort_by_key(|name| (name != "platform", name.clone()));
        Ok(names)
    }

    /// The crates whose SQL is checked against the schema of this migrations folder.
    pub(crate) fn crates_of(&self, folder: &str) -> Outcome<Vec<PathBuf>> {
        let wanted: Vec<String> = match folder {
            "platform" => vec!["bloom-runtime".into(), "bloom-events".into()],
            service => vec![format!("bloom-{service}")],
        };
        let mut found = Vec::new();
        for member in self.members()? {
            if wanted.contains(&package(&member)?) {
                found.push(member);
            }
        }
        Ok(found)
    }

    /// The folders of all member crates.
    pub(crate) fn members(&self) -> Outcome<Vec<PathBuf>> {
        let mut found = Vec::new();
        for parent in ["crates", "services", "gateway", "tests"] {
            let parent = self.path(parent);
            found.push(parent.clone());
            for folder in folders(&parent)? {
                found.push(folder.clone());
                found.extend(folders(&folder)?);
            }
        }
        found.retain(|folder| folder.join("Cargo.toml").exists());
        Ok(found)
    }

    /// All files below a folder with this ending, sorted, except build products and generated code.
    pub(crate) fn files(&self, folder: &str, ending: &str) -> Outcome<Vec<PathBuf>> {
        let mut found = Vec::new();
        collect(&self.path(folder), ending, &mut found)?;
        found.sort();
        Ok(found)
    }
}

/// The package name in the manifest of this folder.
pub(crate) fn package(folder: &Path) -> Outcome<String> {
    let manifest = fs::read_to_string(folder.join("Cargo.toml"))?;
    let name = manifest.lines().find_map(|line| line.strip_prefix("name = "));
    Ok(name.ok_or_else(|| format!("no package name in {}", folder.display()))?.trim_matches('"').to_owned())
}

/// The last component of a path.
pub(crate) fn name(path: &Path) -> Option<String> {
    path.file_name().map(|name| name.to_string_lossy().into_owned())
}

/// The folders directly inside a folder, sorted; none when the parent does not exist.
pub(crate) fn folders(parent: &Path) -> Outcome<Vec<PathBuf>> {
    if !parent.exists() {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(parent).map_err(|error| format!("reading {}: {error}", parent.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn collect(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) -> Outcome {
    if !folder.exists() {
        return Ok(());
    }
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = name(&path).unwrap_or_default();
        if path.is_dir() {
            if !["target", "gen", "node_modules"].contains(&name.as_str()) && !name.starts_with('.') {
                collect(&path, ending, found)?;
            }
        } else if name.ends_with(ending) {
            found.push(path);
        }
    }
    Ok(())
}
