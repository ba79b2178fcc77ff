//! `bloom up`: the whole platform on this machine, in one process.

use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use bloom_pgdev::{Cluster, Options};
use bloom_process::{Settings, print_error, print_line, until_stopped};
use bloom_runtime::config::SecretKey;
use bloom_runtime::{StartError, telemetry};

use crate::SERVICES;
use crate::fleet::{Fleet, FleetOptions};
use crate::state::{DevState, StateDir, is_bloom};

/// Time limit of a start; the first one creates a database.
const START_DEADLINE: Duration = Duration::from_mins(2);
const STOP_DEADLINE: Duration = Duration::from_secs(40);

/// How to start.
#[derive(Clone, Debug, clap::Args)]
pub struct UpOptions {
    /// Return when everything is ready; `down` stops it.
    #[arg(long)]
    pub detach: bool,
    /// Run every service as its own process, with Kafka and Redis.
    #[arg(long)]
    pub fleet: bool,
    /// Where the API listens, `host:port`.
    #[arg(long, env = "BLOOM_GATEWAY_LISTEN", default_value_t = format!("127.0.0.1:{}", bloom_fleet::GATEWAY_PORT))]
    pub gateway: String,
    /// Folder of Kafka's jars, for `--fleet`.
    #[arg(long, env = "BLOOM_KAFKA_LIBS")]
    pub kafka_libs: Option<PathBuf>,
}

/// Starts the platform, and returns when it is stopped (with `--detach`, when it is ready).
pub async fn up(mut settings: Settings, path: &Path, options: UpOptions) -> Result<(), StartError> {
    let dir = StateDir::open(path)?;
    if let Some(state) = dir.read()
        && let Some(pid) = state.running()
    {
        print_line(format_args!("Bloom is running already (process {pid})."))?;
        banner(&state, &dir.dev("down"));
        return Ok(());
    }
    dir.writable()?;
    bindable(&options.gateway)?;
    if options.detach {
        return detach(&dir).await;
    }
    // A person at a terminal sees warnings only; BLOOM_LOG shows more.
    settings.telemetry.log.get_or_insert_with(|| "warn".to_owned());
    settings.telemetry.log_format.get_or_insert_with(|| "text".to_owned());
    if options.fleet {
        return crate::processes::up(settings, &dir, &options).await;
    }
    run(settings, &dir, &options).await
}

async fn run(mut settings: Settings, dir: &StateDir, options: &UpOptions) -> Result<(), StartError> {
    let started = Instant::now();
    let _telemetry = telemetry::init("bloom", &settings.telemetry)?;
    let shutdown = until_stopped()?;
    let database = prepare(&mut settings, dir).await?;
    step("starting the services");
    let fleet_options =
        FleetOptions { gateway: Some(options.gateway.clone()), shutdown: shutdown.clone(), ..FleetOptions::default() };
    let mut fleet = Fleet::start(SERVICES, &settings, fleet_options).await?;
    let mut state = dir.resume()?;
    state.gateway_url.clone_from(&fleet.gateway_url);
    state.services = fleet.services.clone().into_iter().collect();
    state.pids = [("bloom".to_owned(), std::process::id())].into();
    let seeded = tokio::select! {
        seeded = crate::seed::once(&settings, dir, &mut state) => seeded,
        stopped = fleet.wait() => stopped,
    };
    let outcome = match seeded {
        Ok(()) if shutdown.is_cancelled() => Ok(()),
        Ok(()) => {
            dir.write(&state)?;
            step(&format!("ready after {:.1} s", started.elapsed().as_secs_f64()));
            banner(&state, &foreground(dir));
            let outcome = fleet.wait().await;
            step("stopped");
            outcome
        }
        Err(error) => {
            shutdown.cancel();
            let _ = fleet.wait().await;
            Err(error)
        }
    };
    state.pids.clear();
    dir.write(&state)?;
    stop_database(database).await;
    outcome
}

/// Prepares keys, database server, database and schemas. Returns the private cluster, so that it can be stopped again.
pub(crate) async fn prepare(settings: &mut Settings, dir: &StateDir) -> Result<Option<Cluster>, StartError> {
    let cluster = settings.database_url.is_none().then(|| dir.cluster());
    if settings.secrets.master_key.is_none() {
        let sealed = cluster.as_ref().is_some_and(Cluster::has_data);
        settings.secrets.master_key = Some(master_key(dir, sealed)?);
    }
    if let Some(cluster) = cluster.clone() {
        step("starting a private PostgreSQL");
        settings.database_url = Some(start_cluster(cluster).await?);
    }
    for definition in SERVICES {
        step(&format!("schema of {}", definition.name));
        Fleet::migrate(&[*definition], settings, "").await?;
    }
    Ok(cluster)
}

/// The key of this installation. No new key is created if data encrypted with another exists, because nobody could
/// decrypt it.
pub(crate) fn master_key(dir: &StateDir, sealed: bool) -> Result<SecretKey, StartError> {
    match dir.master_key()? {
        Some(key) => Ok(key),
        None if sealed => {
            let (path, reset) = (dir.file("master.key"), dir.dev("reset"));
            Err(StartError::new(format!(
                "the private PostgreSQL holds data of an earlier start, and {} that seals them is missing: bring the key back \
                 (the file, or BLOOM_MASTER_KEY), or start over with `{reset}`",
                path.display()
            )))
        }
        None => dir.first_master_key(),
    }
}

async fn start_cluster(cluster: Cluster) -> Result<String, StartError> {
    let work = move || {
        let cannot = |error| StartError::caused("the private PostgreSQL does not start", error);
        let address = cluster.start(&Options::durable()).map_err(cannot)?;
        let exists =
            address.query("postgres", "postgres", "select count(*) from pg_database where datname = 'bloom'").map_err(cannot)?;
        if exists == "0" {
            address.query("postgres", "postgres", "create database bloom").map_err(cannot)?;
        }
        Ok(address.url("postgres", "bloom"))
    };
    tokio::task::spawn_blocking(work).await.map_err(|error| StartError::caused("the start was interrupted", error))?
}

pub(crate) async fn stop_database(cluster: Option<Cluster>) {
    if let Some(cluster) = cluster {
        let stopped = tokio::task::spawn_blocking(move || cluster.stop()).await;
        if let Ok(Err(error)) = stopped {
            print_error(format_args!("bloom: the private PostgreSQL did not stop: {error}"));
        }
    }
}

async fn detach(dir: &StateDir) -> Result<(), StartError> {
    let log_path = dir.file("up.log");
    let cannot = |error| StartError::caused("the platform cannot be started in the background", error);
    // Private, because the log contains the banner and the banner contains the demo keys.
    let log = std::fs::File::options().write(true).create(true).truncate(true).mode(0o600).open(&log_path).map_err(cannot)?;
    let program = std::env::current_exe().map_err(cannot)?;
    let mut command = Command::new("setsid");
    // The same command line again without `--detach`; it was parsed successfully, so this argument is the option.
    command.arg(program).args(std::env::args_os().skip(1).filter(|argument| argument != "--detach"));
    // The output is read in a file.
    command.env("NO_COLOR", "1");
    let child = command.stdin(Stdio::null()).stdout(log.try_clone().map_err(cannot)?).stderr(log).spawn();
    let mut child = child.map_err(cannot)?;
    let deadline = Instant::now() + START_DEADLINE;
    let mut shown = 0;
    loop {
        let text = std::fs::read_to_string(&log_path).unwrap_or_default();
        let news = text.get(shown..).unwrap_or_default();
        // The banner is printed below, once.
        for line in news.lines().take_while(|line| line.starts_with('▸')) {
            print_line(line)?;
        }
        shown = text.rfind('\n').map_or(shown, |end| end + 1);
        if let Some(state) = dir.read()
            && state.running().is_some()
        {
            let keys = format!("{}\n  Keys              {}", dir.dev("down"), dir.file("dev.json").display());
            banner(&state, &format!("{keys}\n  Log               {}", log_path.display()));
            return Ok(());
        }
        if let Some(status) = child.try_wait().map_err(cannot)? {
            // On a full disk the log has no last line.
            dir.writable()?;
            let text = std::fs::read_to_string(&log_path).unwrap_or_default();
            return Err(StartError::new(last_words(&text).unwrap_or_else(|| format!("it ended with {status} and no message"))));
        }
        if Instant::now() > deadline {
            return Err(StartError::new(format!("the platform was not ready within 120 s; see {}", log_path.display())));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Stops what `up` started.
pub async fn down(path: &Path) -> Result<(), StartError> {
    let dir = StateDir::open(path)?;
    let Some(pid) = dir.read().and_then(|state| state.running()) else {
        print_line("Bloom is not running.")?;
        // A process that was killed has left its database running.
        stop_database(Some(dir.cluster())).await;
        return Ok(());
    };
    signal("-TERM", pid)?;
    let deadline = Instant::now() + STOP_DEADLINE;
    while is_bloom(pid) {
        if Instant::now() > deadline {
            return Err(StartError::new(format!("process {pid} did not stop within 40 s; `kill -9 {pid}` ends it")));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    print_line("Stopped.")?;
    Ok(())
}

/// Stops the platform and deletes its data: the private database and the state folder. A configured database is not
/// changed.
pub async fn reset(settings: &Settings, path: &Path) -> Result<(), StartError> {
    down(path).await?;
    let dir = StateDir::open(path)?;
    dir.cluster().erase().map_err(|error| StartError::caused("the private PostgreSQL cannot be deleted", error))?;
    dir.erase()?;
    if settings.database_url.is_some() {
        print_line("Deleted. The database of BLOOM_DATABASE_URL was kept: drop it yourself.")?;
        return Ok(());
    }
    print_line("Deleted. The next `up` starts over.")?;
    Ok(())
}

fn signal(which: &str, pid: u32) -> Result<(), StartError> {
    let sent = Command::new("kill").arg(which).arg(pid.to_string()).status();
    match sent {
        Ok(status) if status.success() => Ok(()),
        _ => Err(StartError::new(format!("process {pid} cannot be signalled; does it belong to another user?"))),
    }
}

/// Checks before the start that the gateway's address can be bound; the error names the remedy.
pub(crate) fn bindable(gateway: &str) -> Result<(), StartError> {
    const HOW: &str = "--gateway or BLOOM_GATEWAY_LISTEN as host:port, for example 127.0.0.1:8124";
    let Err(error) = std::net::TcpListener::bind(gateway) else { return Ok(()) };
    let sentence = match error.kind() {
        ErrorKind::InvalidInput => format!("`{gateway}` is no address to listen on: give {HOW}"),
        ErrorKind::AddrInUse => format!("{gateway} is taken by another process: give another one with {HOW}"),
        _ => format!("the API cannot listen on {gateway}: give {HOW}"),
    };
    Err(StartError::caused(sentence, error))
}

/// Why a start in the background failed: its error message, otherwise the last line of its log.
pub(crate) fn last_words(log: &str) -> Option<String> {
    let own = log.lines().rfind(|line| line.starts_with("bloom: "));
    let line = own.or_else(|| log.lines().rfind(|line| !line.trim().is_empty()))?;
    Some(line.trim_start_matches("bloom: ").to_owned())
}

/// Prints a step of the start; a closed output is ignored.
pub(crate) fn step(what: &str) {
    let _ = print_line(format_args!("▸ {what}"));
}

/// How to stop a platform that runs in the foreground.
pub(crate) fn foreground(dir: &StateDir) -> String {
    format!("Ctrl-C, or {}", dir.dev("down"))
}

/// Prints what a new user needs next, and how to stop the platform.
pub(crate) fn banner(state: &DevState, stop: &str) {
    let DevState { gateway_url, secret_key, publishable_key, .. } = state;
    let _ = print_line(format_args!(
        "\n  Bloom is up: {gateway_url}\n\n  \
         Secret key        {secret_key}\n  \
         Publishable key   {publishable_key}\n\n  \
         curl -s '{gateway_url}/v1/catalog/products?limit=2' -H 'Authorization: Bearer {secret_key}'\n\n  \
         API reference     {gateway_url}/docs\n  \
         API description   {gateway_url}/openapi.json\n  \
         Metrics           {gateway_url}/metrics\n  \
         Health            {gateway_url}/readyz\n  \
         Stop              {stop}\n"
    ));
}

/// Address of the private database, if it is running.
pub(crate) fn running_database(dir: &StateDir) -> Result<Option<String>, StartError> {
    let address = dir.cluster().address();
    let address = address.map_err(|error| StartError::caused("the private PostgreSQL cannot be checked", error))?;
    Ok(address.map(|address| address.url("postgres", "bloom")))
}
