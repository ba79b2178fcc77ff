//! Tells a running server from the file that a crashed one left behind.

use std::path::Path;

/// What `postmaster.pid` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PidFile {
    /// The process that wrote it.
    pub(crate) pid: u32,
    /// The TCP port it listens on.
    pub(crate) port: u16,
}

impl PidFile {
    /// Reads the file in the data directory; `None` when there is none, or it is still being written.
    pub(crate) fn read(data: &Path) -> Option<Self> {
        let text = std::fs::read_to_string(data.join("postmaster.pid")).ok()?;
        let mut lines = text.lines();
        Some(Self { pid: lines.next()?.trim().parse().ok()?, port: lines.nth(2)?.trim().parse().ok()? })
    }

    /// Whether that process still is a server of this data directory. A server's working directory is its data
    /// directory; a pid that was given to another process since has another one.
    pub(crate) fn is_live(self, data: &Path) -> bool {
        let same = |cwd: std::path::PathBuf| std::fs::canonicalize(data).is_ok_and(|data| data == cwd);
        std::fs::read_link(format!("/proc/{}/cwd", self.pid)).is_ok_and(same)
    }
}

/// Removes the pid file when its process is gone or is something else: PostgreSQL would refuse to start where the pid
/// belongs to any other process of the same account.
pub(crate) fn clear_stale(data: &Path) {
    if !PidFile::read(data).is_some_and(|file| file.is_live(data)) {
        // Absent is what is wanted; anything else PostgreSQL reports better than we could.
        let _ = std::fs::remove_file(data.join("postmaster.pid"));
    }
}
