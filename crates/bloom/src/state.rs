//! What a running platform leaves in `.bloom/`: where it is, who may enter, and its process ids.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use bloom_kernel::{Entropy as _, OsEntropy};
use bloom_process::Secrets;
use bloom_runtime::StartError;
use bloom_runtime::config::SecretKey;
use serde::{Deserialize, Serialize};

/// The folder of one installation on this machine.
#[derive(Clone, Debug)]
pub struct StateDir {
    path: PathBuf,
}

/// `.bloom/dev.json`
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct DevState {
    /// Where the API is.
    pub gateway_url: String,
    /// The demo shop's secret key.
    pub secret_key: String,
    /// The demo shop's publishable key.
    pub publishable_key: String,
    /// A secret key of another account.
    pub second_tenant_secret_key: String,
    /// `http://host:port` of each service.
    pub services: BTreeMap<String, String>,
    /// Processes; `bloom` is the one to stop.
    pub pids: BTreeMap<String, u32>,
    /// True once the demo shop is loaded.
    pub seeded: bool,
}

impl StateDir {
    /// The folder at a path, made when missing and closed to others.
    pub fn open(path: &Path) -> Result<Self, StartError> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(|error| StartError::caused(format!("the folder {} cannot be made", path.display()), error))?;
        Ok(Self { path: path.to_owned() })
    }

    /// The folder at a path, when there is one: commands that are told everything leave no trace.
    pub fn existing(path: &Path) -> Option<Self> {
        path.is_dir().then(|| Self { path: path.to_owned() })
    }

    /// A file in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// What the last start left; nothing when there was none.
    pub fn read(&self) -> Option<DevState> {
        serde_json::from_slice(&fs::read(self.file("dev.json")).ok()?).ok()
    }

    /// Replaces `dev.json` in one step, so that nobody reads half of it.
    pub fn write(&self, state: &DevState) -> Result<(), StartError> {
        let text = serde_json::to_string_pretty(state).unwrap_or_default();
        let part = self.file("dev.json.part");
        write_private(&part, text.as_bytes())?;
        fs::rename(&part, self.file("dev.json")).map_err(|error| cannot_write(&part, error))
    }

    /// The installation's master key, made at the first start.
    pub fn master_key(&self) -> Result<SecretKey, StartError> {
        let path = self.file("master.key");
        if let Ok(text) = fs::read_to_string(&path) {
            return text.trim().parse().map_err(|why| StartError::new(format!("{} is damaged: {why}", path.display())));
        }
        let mut key = [0_u8; 32];
        OsEntropy.fill(&mut key);
        let hex = bloom_runtime::keys::hex(&key);
        write_private(&path, hex.as_bytes())?;
        Ok(SecretKey(key))
    }

    /// Adds the master key where no key was given.
    pub fn complete(&self, secrets: &mut Secrets) -> Result<(), StartError> {
        if secrets.master_key.is_none() && secrets.service_key.is_none() && secrets.context_key.is_none() {
            secrets.master_key = Some(self.master_key()?);
        }
        Ok(())
    }

    /// Deletes the folder.
    pub fn erase(self) -> Result<(), StartError> {
        fs::remove_dir_all(&self.path)
            .map_err(|error| StartError::caused(format!("the folder {} cannot be deleted", self.path.display()), error))
    }
}

impl DevState {
    /// The process to stop, when it still runs.
    pub fn running(&self) -> Option<u32> {
        self.pids.get("bloom").copied().filter(|pid| is_bloom(*pid))
    }
}

/// True when the process exists and is ours: a stale file may name somebody else's.
pub fn is_bloom(pid: u32) -> bool {
    fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| {
        let program = line.split(|byte| *byte == 0).next().unwrap_or_default();
        String::from_utf8_lossy(program).ends_with("bloom")
    })
}

fn write_private(path: &Path, bytes: &[u8]) -> Result<(), StartError> {
    let mut options = fs::OpenOptions::new();
    let opened = options.write(true).create(true).truncate(true).mode(0o600).open(path);
    opened.and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all())).map_err(|error| cannot_write(path, error))
}

fn cannot_write(path: &Path, error: std::io::Error) -> StartError {
    let why = if error.kind() == std::io::ErrorKind::StorageFull { "the disk is full" } else { "it cannot be written" };
    StartError::caused(format!("{}: {why}", path.display()), error)
}
