//! Errors of a cluster: one sentence each, shown to the user unchanged.

use std::io;
use std::path::{Path, PathBuf};

/// Why the private PostgreSQL cluster cannot be started or stopped.
#[derive(Debug, thiserror::Error)]
pub enum PgError {
    /// The server programs are not installed.
    #[error(
        "PostgreSQL is not installed (no initdb under /usr/lib/postgresql/*/bin or in PATH): install the package \
         `postgresql`, or point BLOOM_DATABASE_URL to a server"
    )]
    NotInstalled,
    /// The data directory was created by a major version that is not installed.
    #[error("{} was written by PostgreSQL {found}, which is not installed: install it, or run `./dev reset`", data.display())]
    Version {
        /// The data directory.
        data: PathBuf,
        /// The major version that created it.
        found: String,
    },
    /// The requested TCP port belongs to another process.
    #[error("port {0} is taken by another process: stop that one, or choose another port")]
    PortTaken(u16),
    /// The disk is full.
    #[error("the disk that holds {} is full: PostgreSQL needs about 100 MB to start", .0.display())]
    DiskFull(PathBuf),
    /// PostgreSQL itself failed.
    #[error("PostgreSQL could not {step}: {detail} (its log: {})", log.display())]
    Failed {
        /// The failed step, as the rest of "could not …".
        step: &'static str,
        /// The last line of output.
        detail: String,
        /// The log file.
        log: PathBuf,
    },
    /// A file or a program could not be used.
    #[error("{what}: {source}")]
    Io {
        /// The failed action, with the path.
        what: String,
        /// The cause.
        source: io::Error,
    },
}

impl PgError {
    /// An [`PgError::Io`] or, where that is the cause, [`PgError::DiskFull`].
    pub(crate) fn io(doing: &str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let (what, path) = (format!("{doing} {}", path.display()), path.to_owned());
        move |source| match source.kind() {
            io::ErrorKind::StorageFull => Self::DiskFull(path),
            _ => Self::Io { what, source },
        }
    }
}
