//! The platform as one process, as `bloom up` starts it, but with limits that are never reached and little logging.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use bloom_kernel::TenantId;
use http_body_util::Full;
use serde_json::Value;
use uuid::Uuid;

use crate::Outcome;
use crate::client::{Connection, eventually};

const START: Duration = Duration::from_mins(3);
/// Far above what a run reaches: the limiter counts, and never refuses.
pub(crate) const RATE: &str = "1000000";

/// A running platform.
pub(crate) struct Fleet {
    child: Child,
    state: PathBuf,
    /// `host:port` of the gateway.
    pub(crate) address: String,
}

/// An account's live environment.
pub(crate) struct Tenant {
    pub(crate) id: Uuid,
    pub(crate) secret_key: String,
    pub(crate) publishable_key: String,
}

/// Starts the platform repeatedly.
pub(crate) struct Launcher {
    pub(crate) program: PathBuf,
    /// Folder of its keys and logs.
    pub(crate) state: PathBuf,
    pub(crate) database_url: String,
}

impl Launcher {
    /// The executable with the arguments and environment that every start needs.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command
            .arg("--state")
            .arg(&self.state)
            .env("BLOOM_DATABASE_URL", &self.database_url)
            .env("BLOOM_RATE_PER_KEY", RATE)
            .env("BLOOM_RATE_PER_TENANT", RATE)
            .env("BLOOM_RATE_PER_ADDRESS", RATE)
            .env("BLOOM_LOG", "warn")
            .stdin(Stdio::null());
        command
    }

    /// Starts everything; returns when it accepts requests.
    pub(crate) async fn start(&self) -> Outcome<Fleet> {
        std::fs::create_dir_all(&self.state)?;
        let address = format!("127.0.0.1:{}", free_port()?);
        let log = File::options().create(true).append(true).open(self.state.join("fleet.log"))?;
        let mut command = self.command();
        command.args(["up", "--gateway", &address]).stdout(log.try_clone()?).stderr(log);
        let child = command.spawn()?;
        let mut fleet = Fleet { child, state: self.state.clone(), address };
        let ready = eventually("the platform starts", START, async || fleet.is_ready().await).await;
        ready.map_err(|error| format!("{error}; {} says more", self.state.join("fleet.log").display()))?;
        Ok(fleet)
    }

    /// Creates an account as an operator does.
    pub(crate) fn found(&self, name: &str) -> Outcome<Tenant> {
        let mut command = self.command();
        command.args(["account", "create", "--name", name, "--currency", "INR", "--time-zone", "Asia/Kolkata"]);
        let output = command.output()?;
        let text = String::from_utf8_lossy(&output.stdout);
        let first = |mark: &str| text.lines().find_map(|line| line.trim().strip_prefix(mark)).map(|rest| rest.trim().to_owned());
        let (Some(id), Some(secret_key), Some(publishable_key)) = (first("live"), first("secret key"), first("publishable key"))
        else {
            return Err(format!("no account was founded: {text}{}", String::from_utf8_lossy(&output.stderr)).into());
        };
        Ok(Tenant { id: id.parse::<TenantId>()?.uuid(), secret_key, publishable_key })
    }

    /// The installation's master key, for processes that join it.
    pub(crate) fn master_key(&self) -> Outcome<String> {
        Ok(std::fs::read_to_string(self.state.join("master.key"))?.trim().to_owned())
    }
}

impl Fleet {
    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    async fn is_ready(&mut self) -> Outcome<bool> {
        if let Some(status) = self.child.try_wait()? {
            return Err(format!("the platform ended with {status}").into());
        }
        // The state file contains this process id once the demo shop is loaded.
        let state = state(&self.state);
        if state["pids"]["bloom"] != self.pid() {
            return Ok(false);
        }
        let mut connection = Connection::to(&self.address);
        let request = connection.request(http::Method::GET, "/readyz", "").body(Full::default())?;
        Ok(connection.send(request).await.is_ok_and(|answer| answer.status.is_success()))
    }

    /// `http://host:port` of a service.
    pub(crate) fn service(&self, name: &str) -> Outcome<String> {
        Ok(state(&self.state)["services"][name].as_str().ok_or("a service without an address")?.to_owned())
    }

    /// Drains and stops.
    pub(crate) fn stop(mut self) -> Outcome {
        Command::new("kill").arg("-TERM").arg(self.pid().to_string()).status()?;
        let status = self.child.wait()?;
        if status.success() { Ok(()) } else { Err(format!("the platform ended with {status}").into()) }
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        // After stop() there is nothing left to kill.
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

fn state(folder: &Path) -> Value {
    let text = std::fs::read(folder.join("dev.json")).unwrap_or_default();
    serde_json::from_slice(&text).unwrap_or_default()
}

/// A free port.
pub(crate) fn free_port() -> Outcome<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
