//! Makes, starts and stops one cluster.

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

/// How a cluster runs. Takes effect when it starts; a running one stays as it is.
#[derive(Debug, Clone)]
pub struct Options {
    /// The TCP port on loopback; `None` keeps the last one or takes a free one.
    pub port: Option<u16>,
    /// Whether a commit survives a power failure. Tests do without (`fsync = off`).
    pub durable: bool,
    /// Further settings of `postgresql.conf`, unquoted.
    pub settings: Vec<(&'static str, String)>,
}

impl Options {
    /// For work that should survive.
    pub fn durable() -> Self {
        Self { port: None, durable: true, settings: Vec::new() }
    }

    /// For data that a test throws away.
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

/// Where a running cluster is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// The folder with the Unix socket; whoever can enter it may connect as any role.
    pub socket_dir: PathBuf,
    /// The port, of the socket's name and on 127.0.0.1.
    pub port: u16,
    password: String,
    psql: PathBuf,
}

impl Cluster {
    /// Names the cluster of this checkout for one purpose, such as `dev` or `test`. Touches nothing.
    pub fn open(checkout: &Path, purpose: &str) -> Self {
        let checkout = real(checkout);
        Self::at(&checkout, &checkout.join(".bloom"), purpose)
    }

    /// Names the cluster that belongs to a folder of its own, wherever that is. Touches nothing.
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

    /// Whether an earlier start made it: it may hold what somebody wants to keep.
    pub fn has_data(&self) -> bool {
        self.data().join("PG_VERSION").exists()
    }

    /// The folder that holds everything of this cluster.
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// Starts the cluster, making it first where there is none; does nothing when it runs already.
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

    /// Where the cluster is reached, if it runs.
    pub fn address(&self) -> Result<Option<Address>, PgError> {
        let data = self.data();
        let Some(file) = PidFile::read(&data).filter(|file| file.is_live(&data)) else { return Ok(None) };
        let password = std::fs::read_to_string(self.home.join("password")).unwrap_or_default();
        let psql = Binaries::that_wrote(&data)?.program("psql");
        Ok(Some(Address { socket_dir: self.socket_dir.clone(), port: file.port, password, psql }))
    }

    /// Stops the cluster and waits until it is down; nothing to do when it does not run.
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
                // Moved away first, so that one who starts the cluster meanwhile begins with nothing.
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

    /// One process at a time makes, starts or stops this cluster.
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

    /// `initdb` beside the final place, so that one that was cut short is never taken for a cluster.
    fn create(&self, binaries: &Binaries, options: &Options) -> Result<(), PgError> {
        let fresh = self.home.join("data.new");
        if fresh.exists() {
            std::fs::remove_dir_all(&fresh).map_err(PgError::io("deleting", &fresh))?;
        }
        let mut command = self.account.command(&binaries.program("initdb"));
        command.arg("-D").arg(&fresh).args(["-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8"]);
        // The socket's folder is private, so its connections are trusted; TCP asks for the password.
        command.args(["--auth-local=trust", "--auth-host=scram-sha-256", "--no-instructions"]);
        if !options.durable {
            command.arg("--no-sync");
        }
        self.run("make its data directory", &mut command)?;
        let file = fresh.join("postgresql.conf");
        let include = format!("\ninclude '{}'\n", self.home.join("bloom.conf").display());
        let append = |mut file: File| std::io::Write::write_all(&mut file, include.as_bytes());
        File::options().append(true).open(&file).and_then(append).map_err(PgError::io("writing", &file))?;
        let data = self.data();
        std::fs::rename(&fresh, &data).map_err(PgError::io("making", &data))
    }

    /// The port of this start: the wanted one, else the last one when it is still free, else any.
    fn port(&self, options: &Options) -> Result<u16, PgError> {
        if let Some(port) = options.port {
            return if free(port).is_some() { Ok(port) } else { Err(PgError::PortTaken(port)) };
        }
        let last = std::fs::read_to_string(self.home.join("port")).ok().and_then(|text| text.trim().parse().ok());
        last.and_then(free).or_else(|| free(0)).ok_or(PgError::PortTaken(0))
    }

    fn launch(&self, binaries: &Binaries, port: u16) -> Result<(), PgError> {
        // Only what this start says is of interest when it fails.
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

    /// Gives the superuser a password for TCP, once.
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
        // The server writes to its log, so it does not keep these pipes open when pg_ctl has ended.
        let output = command.stdin(Stdio::null()).output().map_err(PgError::io("running", &program))?;
        if output.status.success() {
            return Ok(());
        }
        Err(self.failed(step, &[output.stdout, output.stderr].concat()))
    }

    /// Reads the cause out of what was said on the terminal and in the log.
    fn failed(&self, step: &'static str, output: &[u8]) -> PgError {
        let log = std::fs::read(self.log()).unwrap_or_default();
        let said = format!("{}\n{}", String::from_utf8_lossy(output), String::from_utf8_lossy(&log));
        // On a full disk the log may hold nothing either.
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

    /// A connection URL over TCP for tools that know no sockets, as superuser.
    pub fn tcp_url(&self, database: &str) -> String {
        format!("postgres://postgres:{}@127.0.0.1:{}/{database}", self.password, self.port)
    }

    /// A `psql` that stops at the first error, says only what is asked, and reads no personal settings.
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

    /// Runs SQL and returns what it prints.
    pub fn query(&self, role: &str, database: &str, sql: &str) -> Result<String, PgError> {
        let output: Output = self.psql(role, database).args(["-c", sql]).output().map_err(PgError::io("running", &self.psql))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
        }
        let detail = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(PgError::Failed { step: "run a statement", detail, log: self.socket_dir.join("../log") })
    }
}

/// The path without links, so that a folder has one name.
fn real(folder: &Path) -> PathBuf {
    std::fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned())
}

/// The port, or any port for 0, when nobody listens on it.
fn free(port: u16) -> Option<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok()?;
    listener.local_addr().ok().map(|address| address.port())
}

/// Whether less than a megabyte is left where a folder lies.
fn is_full(folder: &Path) -> bool {
    let output = Command::new("df").args(["-Pk"]).arg(folder).output().map(|output| output.stdout).unwrap_or_default();
    let text = String::from_utf8_lossy(&output);
    let available = text.lines().nth(1).and_then(|line| line.split_whitespace().nth(3));
    available.and_then(|kilobytes| kilobytes.parse::<u64>().ok()).is_some_and(|kilobytes| kilobytes < 1024)
}
