//! Distinguishes a running server from the pid file that a crashed one left behind.

use std::path::Path;

/// The content of `postmaster.pid`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PidFile {
    /// The process that wrote it.
    pub(crate) pid: u32,
    /// The TCP port it listens on.
    pub(crate) port: u16,
}

impl PidFile {
    /// Reads the file in the data directory; `None` when it does not exist or is still being written.
    pub(crate) fn read(data: &Path) -> Option<Self> {
        let text = std::fs::read_to_string(data.join("postmaster.pid")).ok()?;
        let mut lines = text.lines();
        Some(Self { pid: lines.next()?.trim().parse().ok()?, port: lines.nth(2)?.trim().parse().ok()? })
    }

    /// Whether that process is still a server of this data directory. A server's working directory is its data
    /// directory; another process that reuses the pid has a different one.
    pub(crate) fn is_live(self, data: &Path) -> bool {
        let same = |cwd: std::path::PathBuf| std::fs::canonicalize(data).is_ok_and(|data| data == cwd);
        std::fs::read_link(format!("/proc/{}/cwd", self.pid)).is_ok_and(same)
    }
}

/// Removes the pid file when its process has ended or is not a server: PostgreSQL would refuse to start while the pid
/// belongs to another process of the same account.
pub(crate) fn clear_stale(data: &Path) {
    if !PidFile::read(data).is_some_and(|file| file.is_live(data)) {
        // If the file is missing, that is fine; PostgreSQL reports any other problem better than we could.
        let _ = std::fs::remove_file(data.join("postmaster.pid"));
    }
}
