//! `bloom up`: the whole platform on this machine, in one process.

use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use bloom_pgdev::{Cluster, Options};
use bloom_process::{Settings, until_stopped};
use bloom_runtime::{StartError, telemetry};

use crate::SERVICES;
use crate::fleet::{Fleet, FleetOptions};
use crate::state::{DevState, StateDir, is_bloom};

/// A start may take this long: the first one lays a database.
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
    /// Where the API listens.
    #[arg(long, env = "BLOOM_GATEWAY_LISTEN", default_value = "127.0.0.1:8000")]
    pub gateway: String,
    /// Folder of Kafka's jars, for `--fleet`.
    #[arg(long, env = "BLOOM_KAFKA_LIBS")]
    pub kafka_libs: Option<PathBuf>,
}

/// Starts, and stays until it is stopped (or returns when ready with `--detach`).
pub async fn up(mut settings: Settings, path: &Path, options: UpOptions) -> Result<(), StartError> {
    let dir = StateDir::open(path)?;
    if let Some(state) = dir.read()
        && let Some(pid) = state.running()
    {
        println!("Bloom is running already (process {pid}).");
        banner(&state);
        return Ok(());
    }
    if options.detach {
        return detach(&dir).await;
    }
    // A person at a terminal reads warnings; BLOOM_LOG asks for more.
    if settings.telemetry.log == "info" {
        "warn".clone_into(&mut settings.telemetry.log);
        "text".clone_into(&mut settings.telemetry.log_format);
    }
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
    let mut fleet = Fleet::start(&SERVICES, &settings, fleet_options).await?;
    let mut state = dir.read().unwrap_or_default();
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
            banner(&state);
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

/// Keys, database server, database, schemas. The private cluster is returned so that it can be stopped again.
pub(crate) async fn prepare(settings: &mut Settings, dir: &StateDir) -> Result<Option<Cluster>, StartError> {
    if settings.secrets.master_key.is_none() {
        settings.secrets.master_key = Some(dir.master_key()?);
    }
    let mut cluster = None;
    if settings.database_url.is_none() {
        step("starting a private PostgreSQL");
        let (url, started) = start_cluster().await?;
        settings.database_url = Some(url);
        cluster = Some(started);
    }
    for definition in SERVICES {
        step(&format!("schema of {}", definition.name));
        Fleet::migrate(&[definition], settings, "").await?;
    }
    Ok(cluster)
}

async fn start_cluster() -> Result<(String, Cluster), StartError> {
    let work = || {
        let cluster = Cluster::open(&here()?, "up");
        let cannot = |error| StartError::caused("the private PostgreSQL does not start", error);
        let address = cluster.start(&Options::durable()).map_err(cannot)?;
        let exists =
            address.query("postgres", "postgres", "select count(*) from pg_database where datname = 'bloom'").map_err(cannot)?;
        if exists == "0" {
            address.query("postgres", "postgres", "create database bloom").map_err(cannot)?;
        }
        Ok((address.url("postgres", "bloom"), cluster))
    };
    tokio::task::spawn_blocking(work).await.map_err(|error| StartError::caused("the start was cut off", error))?
}

pub(crate) async fn stop_database(cluster: Option<Cluster>) {
    if let Some(cluster) = cluster {
        let stopped = tokio::task::spawn_blocking(move || cluster.stop()).await;
        if let Ok(Err(error)) = stopped {
            eprintln!("bloom: the private PostgreSQL did not stop: {error}");
        }
    }
}

async fn detach(dir: &StateDir) -> Result<(), StartError> {
    let log_path = dir.file("up.log");
    let cannot = |error| StartError::caused("the platform cannot be started in the background", error);
    // It holds the banner, and the banner the demo keys.
    let log = std::fs::File::options().write(true).create(true).truncate(true).mode(0o600).open(&log_path).map_err(cannot)?;
    let program = std::env::current_exe().map_err(cannot)?;
    let mut command = Command::new("setsid");
    // The same command line once more; it has been understood, so this word is the option.
    command.arg(program).args(std::env::args_os().skip(1).filter(|argument| argument != "--detach"));
    let child = command.stdin(Stdio::null()).stdout(log.try_clone().map_err(cannot)?).stderr(log).spawn();
    let mut child = child.map_err(cannot)?;
    let deadline = Instant::now() + START_DEADLINE;
    let mut shown = 0;
    loop {
        let text = std::fs::read_to_string(&log_path).unwrap_or_default();
        let news = text.get(shown..).unwrap_or_default();
        // The banner is printed below, once.
        for line in news.lines().take_while(|line| line.starts_with('▸')) {
            println!("{line}");
        }
        shown = text.rfind('\n').map_or(shown, |end| end + 1);
        if let Some(state) = dir.read()
            && state.running().is_some()
        {
            banner(&state);
            return Ok(());
        }
        if child.try_wait().map_err(cannot)?.is_some() {
            let text = std::fs::read_to_string(&log_path).unwrap_or_default();
            let why = text.lines().rfind(|line| line.starts_with("bloom: ")).unwrap_or("bloom: it ended without a word");
            return Err(StartError::new(why.trim_start_matches("bloom: ").to_owned()));
        }
        if Instant::now() > deadline {
            return Err(StartError::new(format!("the platform was not ready within 120 s; {} says more", log_path.display())));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Stops what `up` started.
pub async fn down(path: &Path) -> Result<(), StartError> {
    let dir = StateDir::open(path)?;
    let Some(pid) = dir.read().and_then(|state| state.running()) else {
        println!("Bloom is not running.");
        // A process that was killed left its database behind.
        stop_database(Some(Cluster::open(&here()?, "up"))).await;
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
    println!("Stopped.");
    Ok(())
}

/// Stops it and deletes its data.
pub async fn reset(path: &Path) -> Result<(), StartError> {
    down(path).await?;
    let cluster = Cluster::open(&here()?, "up");
    cluster.erase().map_err(|error| StartError::caused("the private PostgreSQL cannot be deleted", error))?;
    StateDir::open(path)?.erase()?;
    println!("Deleted. The next `up` starts over.");
    Ok(())
}

fn signal(which: &str, pid: u32) -> Result<(), StartError> {
    let sent = Command::new("kill").arg(which).arg(pid.to_string()).status();
    match sent {
        Ok(status) if status.success() => Ok(()),
        _ => Err(StartError::new(format!("process {pid} cannot be signalled; does it belong to another user?"))),
    }
}

fn here() -> Result<PathBuf, StartError> {
    std::env::current_dir().map_err(|error| StartError::caused("the current folder cannot be read", error))
}

pub(crate) fn step(what: &str) {
    println!("▸ {what}");
}

/// What a newcomer needs next.
pub(crate) fn banner(state: &DevState) {
    let DevState { gateway_url, secret_key, publishable_key, .. } = state;
    println!(
        "\n  Bloom is up: {gateway_url}\n\n  \
         Secret key        {secret_key}\n  \
         Publishable key   {publishable_key}\n\n  \
         curl -s '{gateway_url}/v1/catalog/products?limit=2' -H 'Authorization: Bearer {secret_key}'\n\n  \
         API description   {gateway_url}/openapi.json\n  \
         Metrics           {gateway_url}/metrics\n  \
         Health            {gateway_url}/readyz\n  \
         Stop              Ctrl-C, or ./dev down\n"
    );
}

/// Address of the private database, when it runs.
pub(crate) fn running_database() -> Result<Option<String>, StartError> {
    let address = Cluster::open(&here()?, "up").address();
    let address = address.map_err(|error| StartError::caused("the private PostgreSQL cannot be looked at", error))?;
    Ok(address.map(|address| address.url("postgres", "bloom")))
}
