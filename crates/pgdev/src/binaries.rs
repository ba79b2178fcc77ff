//! Finds the installed PostgreSQL programs.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::PgError;

/// The folder with `initdb`, `pg_ctl` and `psql` of one major version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Binaries {
    /// The major version, as `PG_VERSION` spells it.
    pub(crate) major: String,
    /// The folder of the programs.
    pub(crate) folder: PathBuf,
}

impl Binaries {
    /// The newest installed version.
    pub(crate) fn newest() -> Result<Self, PgError> {
        installed().into_iter().next_back().ok_or(PgError::NotInstalled)
    }

    /// The version that created the data directory `data`.
    pub(crate) fn that_wrote(data: &Path) -> Result<Self, PgError> {
        let file = data.join("PG_VERSION");
        let found = std::fs::read_to_string(&file).map_err(PgError::io("reading", &file))?.trim().to_owned();
        installed()
            .into_iter()
            .find(|binaries| binaries.major == found)
            .ok_or_else(|| PgError::Version { data: data.to_owned(), found })
    }

    /// The path of one program.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

/// All installed versions, oldest first: in Debian's folders, otherwise in `PATH`.
fn installed() -> Vec<Binaries> {
    let mut found: Vec<Binaries> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| Binaries { major: entry.file_name().to_string_lossy().into_owned(), folder: entry.path().join("bin") })
        .filter(|binaries| binaries.program("initdb").exists())
        .collect();
    if found.is_empty() {
        found.extend(from_path());
    }
    found.sort_by_key(|binaries| binaries.major.parse::<u32>().unwrap_or(0));
    found
}

fn from_path() -> Option<Binaries> {
    let output = Command::new("pg_config").args(["--bindir", "--version"]).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let mut lines = text.lines();
    let folder = PathBuf::from(lines.next()?);
    // "PostgreSQL 17.2 (Debian …)"
    let major = lines.next()?.split([' ', '.']).nth(1)?.to_owned();
    folder.join("initdb").exists().then_some(Binaries { major, folder })
}
