//! Creates, starts and stops one cluster.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Read as _;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::PgError;
use crate::account::Account;
use crate::binaries::Binaries;
use crate::pidfile::{self, PidFile};

/// Settings of a cluster. They take effect when it starts; a running one keeps its settings.
#[derive(Debug, Clone)]
pub struct Options {
    /// The TCP port on loopback; `None` keeps the last one or takes a free one.
    pub port: Option<u16>,
    /// Whether a commit survives a power failure. Tests do not need it (`fsync = off`).
    pub durable: bool,
    /// Further settings of `postgresql.conf`, unquoted.
    pub settings: Vec<(&'static str, String)>,
}

impl Options {
    /// For data that must survive.
    pub fn durable() -> Self {
        Self { port: None, durable: true, settings: Vec::new() }
    }

    /// For temporary test data.
    pub fn volatile() -> Self {
        Self { durable: false, ..Self::durable() }
    }

    fn configuration(&self, port: u16, socket_dir: &Path) -> String {
        let mut text = format!(
            "listen_addresses = '127.0.0.1'\nport = {port}\nunix_socket_directories = '{}'\nmax_connections = 300\n\
             max_locks_per_transaction = 256\ntimezone = 'UTC'\nlog_timezone = 'UTC'\n",
            socket_dir.display()
        );
        if !self.durable {
            text.push_str("fsync = off\nfull_page_writes = off\nsynchronous_commit = off\n");
        }
        for (name, value) in &self.settings {
            let _ = writeln!(text, "{name} = '{}'", value.replace('\'', "''"));
        }
        text
    }
}

/// One private cluster of a checkout, or of a folder.
#[derive(Debug, Clone)]
pub struct Cluster {
    account: Account,
    home: PathBuf,
    socket_dir: PathBuf,
}

/// The address of a running cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// The folder with the Unix socket; anyone who can enter it may connect as any role.
    pub socket_dir: PathBuf,
    /// The port, used in the socket's name and on 127.0.0.1.
    pub port: u16,
    password: String,
    psql: PathBuf,
}

impl Cluster {
    /// Names the cluster of this checkout for one purpose, such as `dev` or `test`. Changes nothing on disk.
    pub fn open(checkout: &Path, purpose: &str) -> Self {
        let checkout = real(checkout);
        Self::at(&checkout, &checkout.join(".bloom"), purpose)
    }

    /// Names the cluster of a separate folder. Changes nothing on disk.
    pub fn within(folder: &Path, purpose: &str) -> Self {
        let folder = real(folder);
        Self::at(&folder, &folder, purpose)
    }

    fn at(owner: &Path, within: &Path, purpose: &str) -> Self {
        let account = Account::current();
        let home = account.home(owner, within, purpose);
        let socket_dir = Account::socket_dir(&home);
        Self { account, home, socket_dir }
    }

    /// Whether an earlier start created it, so that it may hold data to keep.
    pub fn has_data(&self) -> bool {
        self.data().join("PG_VERSION").exists()
    }

    /// The folder that contains all files of this cluster.
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// Starts the cluster, creating it first if necessary; does nothing when it is running.
    pub fn start(&self, options: &Options) -> Result<Address, PgError> {
        self.account.make_private(&self.home)?;
        self.account.make_private(&self.socket_dir)?;
        let _guard = self.lock()?;
        if let Some(address) = self.address()? {
            return Ok(address);
        }
        let data = self.data();
        let binaries = if self.has_data() {
            Binaries::that_wrote(&data)?
        } else {
            let binaries = Binaries::newest()?;
            self.create(&binaries, options)?;
            binaries
        };
        pidfile::clear_stale(&data);
        let port = self.port(options)?;
        self.write("bloom.conf", &options.configuration(port, &self.socket_dir))?;
        self.write("port", &port.to_string())?;
        self.launch(&binaries, port)?;
        let address = self.address()?.ok_or_else(|| self.failed("start", &[]))?;
        self.with_password(address)
    }

    /// The cluster's address, if it is running.
    pub fn address(&self) -> Result<Option<Address>, PgError> {
        let data = self.data();
        let Some(file) = PidFile::read(&data).filter(|file| file.is_live(&data)) else { return Ok(None) };
        let password = std::fs::read_to_string(self.home.join("password")).unwrap_or_default();
        let psql = Binaries::that_wrote(&data)?.program("psql");
        Ok(Some(Address { socket_dir: self.socket_dir.clone(), port: file.port, password, psql }))
    }

    /// Stops the cluster and waits until it is down; does nothing when it is not running.
    pub fn stop(&self) -> Result<(), PgError> {
        if self.address()?.is_none() {
            return Ok(());
        }
        let _guard = self.lock()?;
        let binaries = Binaries::that_wrote(&self.data())?;
        let mut command = self.account.command(&binaries.program("pg_ctl"));
        command.arg("-D").arg(self.data()).args(["-m", "fast", "-w", "-t", "60", "stop"]);
        self.run("stop", &mut command)
    }

    /// Stops the cluster and deletes its data.
    pub fn erase(&self) -> Result<(), PgError> {
        self.stop()?;
        for folder in [&self.home, &self.socket_dir] {
            if folder.exists() {
                // Moved away first, so that a concurrent start creates a new cluster.
                let gone = folder.with_extension("gone");
                let _ = std::fs::remove_dir_all(&gone);
                std::fs::rename(folder, &gone).map_err(PgError::io("deleting", folder))?;
                std::fs::remove_dir_all(&gone).map_err(PgError::io("deleting", &gone))?;
            }
        }
        Ok(())
    }

    fn data(&self) -> PathBuf {
        self.home.join("data")
    }

    fn log(&self) -> PathBuf {
        self.home.join("log")
    }

    /// Only one process at a time may create, start or stop this cluster.
    fn lock(&self) -> Result<File, PgError> {
        let path = self.home.join("lock");
        let file = File::create(&path).map_err(PgError::io("opening", &path))?;
        file.lock().map_err(PgError::io("locking", &path))?;
        Ok(file)
    }

    fn write(&self, name: &str, text: &str) -> Result<(), PgError> {
        let path = self.home.join(name);
        std::fs::write(&path, text).map_err(PgError::io("writing", &path))
    }

    /// Runs `initdb` beside the final place, so that an interrupted run is never mistaken for a cluster.
    fn create(&self, binaries: &Binaries, options: &Options) -> Result<(), PgError> {
        let fresh = self.home.join("data.new");
        if fresh.exists() {
            std::fs::remove_dir_all(&fresh).map_err(PgError::io("deleting", &fresh))?;
        }
        let mut command = self.account.command(&binaries.program("initdb"));
        command.arg("-D").arg(&fresh).args(["-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8"]);
        // The socket's folder is private, so its connections are trusted; TCP requires the password.
        command.args(["--auth-local=trust", "--auth-host=scram-sha-256", "--no-instructions"]);
        if !options.durable {
            command.arg("--no-sync");
        }
        self.run("create its data directory", &mut command)?;
        let file = fresh.join("postgresql.conf");
        let include = format!("\ninclude '{}'\n", self.home.join("bloom.conf").display());
        let append = |mut file: File| std::io::Write::write_all(&mut file, include.as_bytes());
        File::options().append(true).open(&file).and_then(append).map_err(PgError::io("writing", &file))?;
        let data = self.data();
        std::fs::rename(&fresh, &data).map_err(PgError::io("making", &data))
    }

    /// The port of this start: the requested one, otherwise the last one if it is still free, otherwise any.
    fn port(&self, options: &Options) -> Result<u16, PgError> {
        if let Some(port) = options.port {
            return if free(port).is_some() { Ok(port) } else { Err(PgError::PortTaken(port)) };
        }
        let last = std::fs::read_to_string(self.home.join("port")).ok().and_then(|text| text.trim().parse().ok());
        last.and_then(free).or_else(|| free(0)).ok_or(PgError::PortTaken(0))
    }

    fn launch(&self, binaries: &Binaries, port: u16) -> Result<(), PgError> {
        // Only the log of this start is relevant when it fails.
        let _ = std::fs::remove_file(self.log());
        let mut command = self.account.command(&binaries.program("pg_ctl"));
        command.arg("-D").arg(self.data()).arg("-l").arg(self.log()).args(["-w", "-t", "60", "-s", "start"]);
        self.run("start", &mut command).map_err(|error| match error {
            PgError::Failed { ref detail, .. } if detail.contains("could not create any TCP/IP sockets") => {
                PgError::PortTaken(port)
            }
            other => other,
        })
    }

    /// Sets the superuser's password for TCP, once.
    fn with_password(&self, address: Address) -> Result<Address, PgError> {
        if !address.password.is_empty() {
            return Ok(address);
        }
        let mut bytes = [0; 16];
        let source = Path::new("/dev/urandom");
        File::open(source).and_then(|mut file| file.read_exact(&mut bytes)).map_err(PgError::io("reading", source))?;
        let password = bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
        address.query("postgres", "postgres", &format!("alter role postgres password '{password}'"))?;
        self.write("password", &password)?;
        let path = self.home.join("password");
        let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(&path, private).map_err(PgError::io("protecting", &path))?;
        Ok(Address { password, ..address })
    }

    fn run(&self, step: &'static str, command: &mut Command) -> Result<(), PgError> {
        let program = PathBuf::from(command.get_program());
        // The server writes to its log, so it does not keep these pipes open after pg_ctl has ended.
        let output = command.stdin(Stdio::null()).output().map_err(PgError::io("running", &program))?;
        if output.status.success() {
            return Ok(());
        }
        Err(self.failed(step, &[output.stdout, output.stderr].concat()))
    }

    /// Finds the cause of a failure in the command's output and the log.
    fn failed(&self, step: &'static str, output: &[u8]) -> PgError {
        let log = std::fs::read(self.log()).unwrap_or_default();
        let said = format!("{}\n{}", String::from_utf8_lossy(output), String::from_utf8_lossy(&log));
        // On a full disk the log may be empty.
        if said.contains("No space left on device") || is_full(&self.home) {
            return PgError::DiskFull(self.home.clone());
        }
        let grave = said.lines().rfind(|line| ["FATAL:", "PANIC:", "error:"].iter().any(|mark| line.contains(mark)));
        let detail = grave.or_else(|| said.lines().rfind(|line| !line.trim().is_empty())).unwrap_or("it said nothing");
        PgError::Failed { step, detail: detail.trim().to_owned(), log: self.log() }
    }
}

impl Address {
    /// A connection URL through the Unix socket; `role` is trusted.
    pub fn url(&self, role: &str, database: &str) -> String {
        let host = self.socket_dir.to_string_lossy().replace('%', "%25").replace('/', "%2F").replace(' ', "%20");
        format!("postgres://{role}@{host}:{}/{database}", self.port)
    }

    /// A connection URL over TCP as superuser, for tools that do not support sockets.
    pub fn tcp_url(&self, database: &str) -> String {
        format!("postgres://postgres:{}@127.0.0.1:{}/{database}", self.password, self.port)
    }

    /// A `psql` command that stops at the first error, prints only results, and reads no personal settings.
    pub fn psql(&self, role: &str, database: &str) -> Command {
        let mut command = Command::new(&self.psql);
        command.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"]).arg("-h").arg(&self.socket_dir);
        command
            .arg("-p")
            .arg(self.port.to_string())
            .args(["-U", role, "-d", database])
            .env("PGOPTIONS", "-c client_min_messages=warning");
        command
    }

    /// Runs SQL and returns the output.
    pub fn query(&self, role: &str, database: &str, sql: &str) -> Result<String, PgError> {
        let output: Output = self.psql(role, database).args(["-c", sql]).output().map_err(PgError::io("running", &self.psql))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
        }
        let detail = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(PgError::Failed { step: "run a statement", detail, log: self.socket_dir.join("../log") })
    }
}

/// The path without symbolic links, so that a folder has one name.
fn real(folder: &Path) -> PathBuf {
    std::fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned())
}

/// The port, or any port for 0, if it is free.
fn free(port: u16) -> Option<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok()?;
    listener.local_addr().ok().map(|address| address.port())
}

/// Whether the file system of a folder has less than a megabyte left.
fn is_full(folder: &Path) -> bool {
    let output = Command::new("df").args(["-Pk"]).arg(folder).output().map(|output| output.stdout).unwrap_or_default();
    let text = String::from_utf8_lossy(&output);
    let available = text.lines().nth(1).and_then(|line| line.split_whitespace().nth(3));
    available.and_then(|kilobytes| kilobytes.parse::<u64>().ok()).is_some_and(|kilobytes| kilobytes < 1024)
}
