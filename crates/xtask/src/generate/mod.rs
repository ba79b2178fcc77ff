//! `cargo xtask gen`: writes every file, and every part of a file, that is derived from `fleet.toml`.
//!
//! | module | what it writes |
//! |---|---|
//! | `rust` | `crates/fleet`, the services of `crates/bloom`, dependencies on services |
//! | `lists` | the gateway's routes, docs/permissions.md, the README's table, the list of keys |
//! | `compose` | the services in docker-compose.yml |
//! | `kubernetes` | `deploy/kubernetes/<environment>`, from the templates beside it |

mod compose;
pub(crate) mod kubernetes;
mod lists;
mod rust;
pub(crate) mod text;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use crate::Outcome;
use crate::fleet::Fleet;
use crate::workspace::Workspace;

/// Texts of files by path.
pub(crate) type Files = BTreeMap<PathBuf, String>;

/// Writes all generated files. With `check` it writes nothing, and a difference is an error.
pub(crate) fn run(workspace: &Workspace, check: bool) -> Outcome {
    let fleet = Fleet::load(workspace)?;
    let mut files = rust::files(workspace, &fleet)?;
    files.extend(lists::files(workspace, &fleet)?);
    files.extend(compose::files(workspace, &fleet)?);
    files.extend(kubernetes::files(workspace, &fleet)?);
    let left = kubernetes::folders(workspace)?.into_iter().map(|folder| workspace.files(&folder, ".yaml"));
    let left: Vec<PathBuf> = left.collect::<Outcome<Vec<_>>>()?.concat();
    let left: Vec<&PathBuf> = left.iter().filter(|path| !files.contains_key(*path)).collect();
    let differing: Vec<_> = files.iter().filter(|(path, text)| fs::read_to_string(path).ok().as_ref() != Some(*text)).collect();
    for path in &left {
        println!("{} {}", if check { "left over:" } else { "removed:" }, workspace.relative(path).display());
        if !check {
            fs::remove_file(path)?;
        }
    }
    for (path, text) in &differing {
        println!("{} {}", if check { "differs:" } else { "written:" }, workspace.relative(path).display());
        if !check {
            fs::create_dir_all(path.parent().unwrap_or(path))?;
            fs::write(path, text)?;
        }
    }
    if check && !(left.is_empty() && differing.is_empty()) {
        return Err("the tree differs from fleet.toml: run `cargo xtask gen` and commit".into());
    }
    Ok(())
}
