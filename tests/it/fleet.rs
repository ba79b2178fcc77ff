//! The fleet that all tests of this binary share. The first test that needs it starts it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::time::Duration;

use bloom::SERVICES;
use bloom::fleet::{Fleet, FleetOptions};
use bloom::peers::Reach;
use bloom::processes::{Ground, Processes};
use bloom_db::config::connect_options;
use bloom_kernel::TenantId;
use bloom_process::Settings;
use bloom_runtime::Peers;
use bloom_runtime::config::SecretKey;
use clap::Parser;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Executor as _, PgConnection};
use tokio::runtime::Runtime;
use tokio::sync::{OnceCell, RwLock};
use tokio_util::sync::CancellationToken;

/// Lives as long as the fleet, which outlives every test.
static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().expect("a runtime"));
static FLEET: OnceCell<Running> = OnceCell::const_new();
/// A test holds it for reading while it sends requests, and for writing while it checks invariants, because a check needs a
/// platform without running work.
static ACTING: RwLock<()> = RwLock::const_new(());

const MASTER_KEY: [u8; 32] = [42; 32];

/// A running fleet: its addresses and settings.
pub(crate) struct Running {
    pub(crate) gateway_url: String,
    pub(crate) settings: Settings,
    reach: Reach,
    /// Kept alive: dropping it ends the processes.
    processes: Option<tokio::sync::Mutex<Processes>>,
}

impl Running {
    /// A fleet that runs inside this process.
    pub(crate) fn within(fleet: &Fleet, settings: Settings) -> Self {
        Self { gateway_url: fleet.gateway_url.clone(), reach: Reach::within(fleet.host.clone()), settings, processes: None }
    }

    /// A fleet of processes that the caller owns.
    pub(crate) fn beside(processes: &Processes, settings: Settings) -> Self {
        Self::at(&processes.gateway_url, &processes.services, settings)
    }

    /// A fleet that was started elsewhere, by its addresses.
    pub(crate) fn at(gateway_url: &str, services: &BTreeMap<String, String>, settings: Settings) -> Self {
        let peers = Peers::default();
        for (name, url) in services {
            peers.at(name, url).expect("the address is good");
        }
        let host = settings.host("operator", peers, CancellationToken::new()).expect("the keys are set");
        Self { gateway_url: gateway_url.to_owned(), reach: Reach::within(host), settings, processes: None }
    }

    /// True when every service answers.
    pub(crate) async fn reachable(&self) -> bool {
        bloom::check::check(&self.reach, Duration::ZERO).await.is_ok()
    }

    /// Checks every invariant, once no work is left to do.
    pub(crate) async fn check(&self) {
        let (checked, breaches) = bloom::check::check(&self.reach, Duration::from_secs(30)).await.expect("the check runs");
        assert!(breaches.is_empty(), "{breaches:#?}");
        assert!(checked.len() > 5, "the check looked at next to nothing: {checked:?}");
    }

    /// A connection as the owner of the tables, which sees the rows of every tenant.
    pub(crate) async fn database(&self) -> PgConnection {
        let options = self.settings.owner("orders").expect("the address is good");
        options.disable_statement_logging().connect().await.expect("the database answers")
    }

    /// The data of a tenant's events of one kind from the outbox, oldest first.
    pub(crate) async fn events(&self, service: &str, tenant: &str, kind: &str) -> Vec<String> {
        let tenant: TenantId = tenant.parse().expect("a tenant's id");
        let statement = format!("select data from {service}.outbox where tenant_id = $1 and kind = $2 order by seq");
        sqlx::query_scalar(AssertSqlSafe(statement))
            .bind(tenant.uuid())
            .bind(kind)
            .fetch_all(&mut self.database().await)
            .await
            .expect("the outbox can be read")
    }
}

#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    settings: Settings,
}

/// Runs a test against the shared fleet, then checks every invariant.
pub(crate) fn test<F: Future<Output = ()>>(body: impl FnOnce(&'static Running) -> F) {
    RUNTIME.block_on(async {
        let fleet = FLEET.get_or_init(start).await;
        let acting = ACTING.read().await;
        body(fleet).await;
        drop(acting);
        let _alone = ACTING.write().await;
        fleet.check().await;
    });
}

/// Runs a test that starts and breaks its own fleet, while no other test runs.
pub(crate) fn alone(body: impl Future<Output = ()>) {
    RUNTIME.block_on(async {
        let _alone = ACTING.write().await;
        body.await;
    });
}

async fn start() -> Running {
    let settings = settings("e2e").await;
    Fleet::migrate(SERVICES, &settings, "").await.expect("the migrations run");
    if processes_wanted() { start_processes(settings).await } else { start_within(settings).await }
}

async fn start_within(settings: Settings) -> Running {
    let fleet = Fleet::start(SERVICES, &settings, FleetOptions::default()).await.expect("the fleet starts");
    let running = Running::within(&fleet, settings);
    // It serves until the test binary ends.
    RUNTIME.spawn(async move {
        let mut fleet = fleet;
        let ended = fleet.wait().await;
        panic!("the fleet ended: {ended:?}");
    });
    running
}

async fn start_processes(settings: Settings) -> Running {
    let processes = Processes::start(ground(&settings, "e2e")).await.expect("the processes start");
    reap(processes.pids().into_values());
    let mut running = Running::beside(&processes, settings);
    running.processes = Some(tokio::sync::Mutex::new(processes));
    running
}

/// A static is never dropped, so nothing in this binary would end the processes. A shell waits for the binary to end and
/// then ends them.
#[expect(clippy::zombie_processes, reason = "the shell outlives this binary on purpose")]
fn reap(processes: impl Iterator<Item = u32>) {
    let processes: Vec<String> = processes.map(|id| id.to_string()).collect();
    let script =
        format!("while kill -0 {} 2>/dev/null; do sleep 0.2; done; kill -KILL {}", std::process::id(), processes.join(" "));
    let shell = Command::new("sh").args(["-c", &script]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    shell.expect("a shell starts");
}

/// Settings with a new database on the test server.
pub(crate) async fn settings(database: &str) -> Settings {
    settings_on(&bloom_testkit::server().await, database).await
}

/// Settings with an empty database on this server. Databases of finished test runs are dropped.
pub(crate) async fn settings_on(server: &str, database: &str) -> Settings {
    let options = connect_options(server).expect("the address is good").disable_statement_logging();
    let mut connection: PgConnection = options.connect().await.expect("the server answers");
    let like = format!("bloom\\_{database}\\_%");
    let known: Vec<String> = sqlx::query_scalar("select datname::text from pg_database where datname like $1")
        .bind(like)
        .fetch_all(&mut connection)
        .await
        .expect("the databases are listed");
    let is_over = |name: &String| name.rsplit('_').next().is_some_and(|run| !Path::new("/proc").join(run).exists());
    let name = format!("bloom_{database}_{}", std::process::id());
    let over = known.into_iter().filter(|known| is_over(known) || *known == name);
    let mut statements: Vec<String> = over.map(|known| format!("drop database if exists {known} with (force)")).collect();
    statements.push(format!("create database {name}"));
    for statement in statements {
        connection.execute(AssertSqlSafe(statement)).await.expect("the database is made");
    }
    let mut settings = Arguments::parse_from(["test"]).settings;
    let (base, _) = server.rsplit_once('/').expect("the address names a database");
    settings.database_url = Some(format!("{base}/{name}"));
    settings.secrets.master_key = Some(SecretKey(MASTER_KEY));
    settings.rate_per_key = 100_000;
    settings.rate_per_tenant = 100_000;
    settings.rate_per_address = 100_000;
    settings
}

/// The database, keys and folders that a fleet of processes uses.
pub(crate) fn ground(settings: &Settings, name: &str) -> Ground {
    Ground {
        program: program(),
        folder: folder(name),
        kafka_libs: variable("BLOOM_KAFKA_LIBS")
            .map(PathBuf::from)
            .expect("BLOOM_KAFKA_LIBS names Kafka's jars; ./dev test sets it"),
        gateway: free_address(),
        environment: environment(settings),
    }
}

/// The `bloom` executable that was built with this test.
pub(crate) fn program() -> PathBuf {
    let beside = || PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("../debug/bloom");
    variable("BLOOM_BIN").map_or_else(beside, PathBuf::from)
}

/// A folder that only this test run uses.
pub(crate) fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()))
}

/// A local address with a free port.
pub(crate) fn free_address() -> String {
    let address = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    address.expect("a port").to_string()
}

/// The environment variables that give a process these settings.
pub(crate) fn environment(settings: &Settings) -> BTreeMap<String, String> {
    let hex = bloom_runtime::keys::hex(&MASTER_KEY);
    [
        ("BLOOM_DATABASE_URL", settings.database_url.clone().unwrap_or_default()),
        ("BLOOM_MASTER_KEY", hex),
        ("BLOOM_RATE_PER_KEY", "100000".to_owned()),
        ("BLOOM_RATE_PER_TENANT", "100000".to_owned()),
        ("BLOOM_RATE_PER_ADDRESS", "100000".to_owned()),
        ("BLOOM_LOG", "info".to_owned()),
    ]
    .map(|(key, value)| (key.to_owned(), value))
    .into()
}

/// True when the suite runs against separate processes.
pub(crate) fn processes_wanted() -> bool {
    variable("BLOOM_E2E").as_deref() == Some("processes")
}

#[expect(clippy::disallowed_methods, reason = "tests are configured by their environment")]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
