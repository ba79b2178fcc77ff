//! The state of a running platform in `.bloom/`: its addresses, API keys and process ids.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use bloom_kernel::{Entropy as _, OsEntropy};
use bloom_pgdev::Cluster;
use bloom_process::Secrets;
use bloom_runtime::StartError;
use bloom_runtime::config::SecretKey;
use serde::{Deserialize, Serialize};

/// The state folder of one installation on this machine.
#[derive(Clone, Debug)]
pub struct StateDir {
    path: PathBuf,
}

/// `.bloom/dev.json`
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct DevState {
    /// Address of the API.
    pub gateway_url: String,
    /// The demo shop's secret key.
    pub secret_key: String,
    /// The demo shop's publishable key.
    pub publishable_key: String,
    /// A secret key of another account.
    pub second_tenant_secret_key: String,
    /// `http://host:port` of each service.
    pub services: BTreeMap<String, String>,
    /// Process ids; `bloom` is the one to stop.
    pub pids: BTreeMap<String, u32>,
    /// True once the demo shop is loaded.
    pub seeded: bool,
}

impl StateDir {
    /// Opens the folder at a path; creates it if missing, without access for other users.
    pub fn open(path: &Path) -> Result<Self, StartError> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(|error| StartError::caused(format!("the folder {} cannot be made", path.display()), error))?;
        Ok(Self { path: path.to_owned() })
    }

    /// The folder at a path, if it exists: commands that receive all settings do not create one.
    pub fn existing(path: &Path) -> Option<Self> {
        path.is_dir().then(|| Self { path: path.to_owned() })
    }

    /// The path of a file in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The private database of this installation; each state folder has its own.
    pub fn cluster(&self) -> Cluster {
        let path = std::path::absolute(&self.path).unwrap_or_else(|_| self.path.clone());
        match (path.parent(), path.file_name()) {
            (Some(checkout), Some(name)) if name == ".bloom" => Cluster::open(checkout, "up"),
            _ => Cluster::within(&path, "state"),
        }
    }

    /// A `./dev` command as typed for this installation.
    pub fn dev(&self, word: &str) -> String {
        if self.path == Path::new(".bloom") {
            return format!("./dev {word}");
        }
        format!("./dev {word} --state {}", self.path.display())
    }

    /// Checks that the folder is writable, before anything is started.
    pub fn writable(&self) -> Result<(), StartError> {
        let probe = self.file("probe.part");
        let written = write_private(&probe, &[b'.'; 16 * 1024]);
        let _ = fs::remove_file(&probe);
        written
    }

    /// The state of the last start, if there was one.
    pub fn read(&self) -> Option<DevState> {
        serde_json::from_slice(&fs::read(self.file("dev.json")).ok()?).ok()
    }

    /// The state to continue with. An unreadable file is renamed, as it may contain keys that a person can still read.
    pub fn resume(&self) -> Result<DevState, StartError> {
        let path = self.file("dev.json");
        if let Some(state) = self.read() {
            return Ok(state);
        }
        if path.exists() {
            let aside = self.file("dev.json.bad");
            fs::rename(&path, &aside).map_err(|error| cannot_write(&aside, error))?;
            crate::up::step(&format!("{} cannot be parsed and was renamed to {}", path.display(), aside.display()));
        }
        Ok(DevState::default())
    }

    /// Replaces `dev.json`.
    pub fn write(&self, state: &DevState) -> Result<(), StartError> {
        self.replace("dev.json", serde_json::to_string_pretty(state).unwrap_or_default().as_bytes())
    }

    /// The installation's master key, if it has one.
    pub fn master_key(&self) -> Result<Option<SecretKey>, StartError> {
        let path = self.file("master.key");
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(StartError::caused(format!("{} cannot be read", path.display()), error)),
        };
        let damaged = |why| {
            let (path, reset) = (path.display(), self.dev("reset"));
            StartError::new(format!("{path} is damaged ({why}): bring the key back, or start over with `{reset}`"))
        };
        text.trim().parse().map(Some).map_err(damaged)
    }

    /// The master key, created if it does not exist: for the first start only.
    pub fn first_master_key(&self) -> Result<SecretKey, StartError> {
        if let Some(key) = self.master_key()? {
            return Ok(key);
        }
        let mut key = [0_u8; 32];
        OsEntropy.fill(&mut key);
        self.replace("master.key", bloom_runtime::keys::hex(&key).as_bytes())?;
        Ok(SecretKey(key))
    }

    /// Adds the master key if no key was configured.
    pub fn complete(&self, secrets: &mut Secrets) -> Result<(), StartError> {
        if secrets.master_key.is_none() && secrets.service_key.is_none() && secrets.context_key.is_none() {
            secrets.master_key = self.master_key()?;
        }
        Ok(())
    }

    /// Replaces a file atomically, so that no reader sees half of it and a full disk keeps the previous version.
    fn replace(&self, name: &str, bytes: &[u8]) -> Result<(), StartError> {
        let part = self.file(&format!("{name}.part"));
        write_private(&part, bytes)?;
        fs::rename(&part, self.file(name)).map_err(|error| cannot_write(&part, error))
    }

    /// Deletes the folder.
    pub fn erase(self) -> Result<(), StartError> {
        fs::remove_dir_all(&self.path)
            .map_err(|error| StartError::caused(format!("the folder {} cannot be deleted", self.path.display()), error))
    }
}

impl DevState {
    /// The process to stop, if it is still running.
    pub fn running(&self) -> Option<u32> {
        self.pids.get("bloom").copied().filter(|pid| is_bloom(*pid))
    }
}

/// True when the process exists and is `bloom`, under whatever file name: the pid of an old file may belong to another process.
pub fn is_bloom(pid: u32) -> bool {
    let executable = fs::read_link(format!("/proc/{pid}/exe"));
    if executable.is_ok_and(|executable| std::env::current_exe().is_ok_and(|own| own == executable)) {
        return true;
    }
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
