//! Finds unused dependencies, and snapshots that no test uses.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::Outcome;
use crate::workspace::{Workspace, package};

/// Dependencies that are needed although no source names them: `(package, dependency, reason)`.
const UNNAMED: &[(&str, &str, &str)] = &[];

/// Every dependency of a member is named in the member's sources.
pub(crate) fn dependencies_are_used(workspace: &Workspace) -> Outcome<Vec<String>> {
    let mut breaches = Vec::new();
    for folder in workspace.members()? {
        let manifest = fs::read_to_string(folder.join("Cargo.toml"))?;
        let own = package(&folder)?;
        let words = words_of(workspace, &folder)?;
        for dependency in dependencies(&manifest) {
            let is_excused = UNNAMED.iter().any(|(package, name, _)| *package == own && *name == dependency);
            if !words.contains(&dependency.replace('-', "_")) && !is_excused {
                breaches.push(format!("{own} does not use {dependency}"));
            }
        }
    }
    Ok(breaches)
}

/// The dependencies in all sections of a manifest.
pub(crate) fn dependencies(manifest: &str) -> Vec<&str> {
    let mut is_list = false;
    let mut found = Vec::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            is_list = line.trim_end().ends_with("dependencies]");
        } else if let Some(end) = line.find(['.', ' ', '=']).filter(|_| is_list && !line.starts_with('#')) {
            found.push(&line[..end]);
        }
    }
    found
}

/// Every word in the Rust files of a member.
fn words_of(workspace: &Workspace, folder: &Path) -> Outcome<BTreeSet<String>> {
    let mut words = BTreeSet::new();
    for path in workspace.files(&workspace.relative(folder).to_string_lossy(), ".rs")? {
        let text = fs::read_to_string(path)?;
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
        words.extend(code.flat_map(|line| line.split(move |letter| !is_part(letter))).map(str::to_owned));
    }
    Ok(words)
}

/// A snapshot file is named after its module and its test, or has a name of its own: `bloom_cart__tests__cart__create.snap`. If no
/// source contains the last part of that name, the test is gone and the file is left over.
pub(crate) fn snapshots_are_used(workspace: &Workspace) -> Outcome<Vec<String>> {
    let mut breaches = Vec::new();
    for folder in workspace.members()? {
        let words = words_of(workspace, &folder)?;
        for path in workspace.files(&workspace.relative(&folder).to_string_lossy(), ".snap")? {
            if !is_used(&path, &words) {
                breaches.push(format!("{}: no test asks for it", workspace.relative(&path).display()));
            }
        }
    }
    Ok(breaches)
}

/// Whether the last part of a snapshot's name is among the words of the sources; insta numbers several snapshots of one test
/// (`create-2`).
pub(crate) fn is_used(path: &Path, words: &BTreeSet<String>) -> bool {
    let name = path.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let last = name.rsplit("__").next().unwrap_or_default();
    let unnumbered = last.rsplit_once('-').filter(|(_, number)| number.bytes().all(|digit| digit.is_ascii_digit()));
    let last = unnumbered.map_or(last, |(name, _)| name);
    last.split('@').next().is_some_and(|name| name.split(['-', '.']).all(|word| word.is_empty() || words.contains(word)))
}
