//! Chooses the operating-system account that PostgreSQL runs as, and where that account can store its data.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::PgError;

/// The operating-system account of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Account {
    /// The account of this process.
    Own,
    /// This process is root, which PostgreSQL refuses, so the `postgres` account is used.
    Postgres,
}

impl Account {
    /// The account for this process.
    pub(crate) fn current() -> Self {
        let root = Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n");
        if root { Self::Postgres } else { Self::Own }
    }

    /// The folder of the cluster `name` of `owner`: in `within`, unless this process is root. Root's folders are often
    /// not readable for `postgres`, so the data is then stored beside that of the machine's other services.
    pub(crate) fn home(self, owner: &Path, within: &Path, name: &str) -> PathBuf {
        match self {
            Self::Own => within.join("pg").join(name),
            Self::Postgres => Path::new("/var/lib/bloom").join(format!("{name}-{:08x}", fingerprint(owner))),
        }
    }

    /// The folder of the server's Unix socket; the path of a socket is limited to about 100 bytes.
    pub(crate) fn socket_dir(home: &Path) -> PathBuf {
        let beside = home.join("run");
        if beside.as_os_str().len() <= 80 {
            return beside;
        }
        std::env::temp_dir().join(format!("bloom-pg-{:08x}", fingerprint(home)))
    }

    /// A command that runs as this account, in a folder it can enter.
    pub(crate) fn command(self, program: &Path) -> Command {
        let mut command = match self {
            Self::Own => Command::new(program),
            Self::Postgres => {
                let mut command = Command::new("runuser");
                command.args(["-u", "postgres", "--"]).arg(program);
                command
            }
        };
        command.current_dir("/").env("LC_ALL", "C");
        command
    }

    /// Creates `folder` so that only this account (and root) can enter it.
    pub(crate) fn make_private(self, folder: &Path) -> Result<(), PgError> {
        if let Some(parent) = folder.parent() {
            std::fs::create_dir_all(parent).map_err(PgError::io("making the folder", parent))?;
        }
        let mut command = Command::new("install");
        command.args(["-d", "-m", "700"]);
        if self == Self::Postgres {
            command.args(["-o", "postgres", "-g", "postgres"]);
        }
        let output = command.arg(folder).output().map_err(PgError::io("making the folder", folder))?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        if said.contains("No space left on device") {
            return Err(PgError::DiskFull(folder.to_owned()));
        }
        Err(PgError::io("making the folder", folder)(std::io::Error::other(said)))
    }
}

/// A short, stable name for a path (FNV-1a), so that two checkouts on one machine do not share data.
fn fingerprint(path: &Path) -> u32 {
    path.as_os_str().as_encoded_bytes().iter().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}
