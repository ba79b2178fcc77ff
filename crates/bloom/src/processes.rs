//! The services as separate processes with Kafka and Redis: for `bloom up --fleet`, and for tests that kill processes.

use std::collections::BTreeMap;
use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use bloom_process::{Settings, until_stopped, upper};
use bloom_runtime::{StartError, telemetry};

use crate::SERVICES;
use crate::state::StateDir;
use crate::up::{UpOptions, banner, foreground, prepare, step, stop_database};

const READY_DEADLINE: Duration = Duration::from_mins(1);
const STOP_DEADLINE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(50);

/// A fleet of processes.
pub struct Processes {
    /// Address of the gateway.
    pub gateway_url: String,
    /// `http://host:port` of each service.
    pub services: BTreeMap<String, String>,
    environment: BTreeMap<String, String>,
    listen: BTreeMap<String, String>,
    program: PathBuf,
    logs: PathBuf,
    redis: u16,
    kafka: Kafka,
    children: BTreeMap<String, Child>,
}

/// Location of Kafka's programs and data.
struct Kafka {
    libs: PathBuf,
    data: PathBuf,
    port: u16,
}

/// What a fleet of processes needs to run.
pub struct Ground {
    /// The `bloom` executable.
    pub program: PathBuf,
    /// Folder for logs and the data of Kafka.
    pub folder: PathBuf,
    /// Folder of Kafka's jars.
    pub kafka_libs: PathBuf,
    /// Address of the gateway.
    pub gateway: String,
    /// Environment of every process: database, keys, log.
    pub environment: BTreeMap<String, String>,
}

impl Processes {
    /// Starts Redis, Kafka, every service and the gateway; returns when all are ready.
    pub async fn start(ground: Ground) -> Result<Self, StartError> {
        let logs = ground.folder.join("log");
        std::fs::create_dir_all(&logs).map_err(|error| StartError::caused("the log folder cannot be created", error))?;
        let (redis, kafka) = (free_port()?, free_port()?);
        let mut environment = ground.environment;
        environment.insert("BLOOM_KAFKA_BROKERS".to_owned(), format!("127.0.0.1:{kafka}"));
        environment.insert("BLOOM_REDIS_URL".to_owned(), format!("redis://127.0.0.1:{redis}"));
        let (mut services, mut listen) = (BTreeMap::new(), BTreeMap::new());
        for definition in SERVICES {
            let address = format!("127.0.0.1:{}", free_port()?);
            let url = format!("http://{address}");
            environment.insert(format!("BLOOM_{}_URL", upper(definition.name)), url.clone());
            services.insert(definition.name.to_owned(), url);
            listen.insert(definition.name.to_owned(), address);
        }
        listen.insert(bloom_gateway::NAME.to_owned(), ground.gateway.clone());
        let gateway_url = format!("http://{}", ground.gateway);
        environment.insert("BLOOM_PUBLIC_URL".to_owned(), gateway_url.clone());
        let kafka = Kafka { libs: ground.kafka_libs, data: ground.folder.join("kafka"), port: kafka };
        let (program, children) = (ground.program, BTreeMap::new());
        let mut fleet = Self { gateway_url, services, environment, listen, program, logs, redis, kafka, children };
        fleet.start_redis()?;
        fleet.start_kafka().await?;
        let names: Vec<String> = fleet.listen.keys().cloned().collect();
        for name in &names {
            fleet.start_service(name)?;
        }
        for name in &names {
            fleet.ready(name).await?;
        }
        Ok(fleet)
    }

    /// Starts or restarts one service on its port.
    pub fn start_service(&mut self, name: &str) -> Result<(), StartError> {
        let mut command = Command::new(&self.program);
        command.args(["serve", name]).envs(&self.environment).env("BLOOM_LISTEN", &self.listen[name]);
        self.spawn(name, command)
    }

    /// Waits until a service accepts requests.
    pub async fn ready(&mut self, name: &str) -> Result<(), StartError> {
        let url = format!("http://{}/readyz", self.listen[name]);
        let deadline = Instant::now() + READY_DEADLINE;
        loop {
            if let Some(child) = self.children.get_mut(name)
                && let Ok(Some(status)) = child.try_wait()
            {
                return Err(StartError::new(format!("{name} ended with {status}; see {}", self.log(name).display())));
            }
            if ready(&url).await {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(StartError::new(format!("{name} was not ready within 60 s; see {}", self.log(name).display())));
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Kills a process with SIGKILL, like a power failure.
    pub fn kill(&mut self, name: &str) {
        if let Some(mut child) = self.children.remove(name) {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Process ids by name.
    pub fn pids(&self) -> BTreeMap<String, u32> {
        self.children.iter().map(|(name, child)| (name.clone(), child.id())).collect()
    }

    /// The first process that ended by itself, if any.
    pub fn ended(&mut self) -> Option<String> {
        self.children.iter_mut().find_map(|(name, child)| matches!(child.try_wait(), Ok(Some(_))).then(|| name.clone()))
    }

    /// Stops all processes: the gateway first, Kafka and Redis last.
    pub async fn stop(&mut self) {
        self.terminate(&[bloom_gateway::NAME]).await;
        let names: Vec<_> = SERVICES.iter().map(|definition| definition.name).collect();
        self.terminate(&names).await;
        self.terminate(&["kafka", "redis"]).await;
    }

    /// The log file of a process.
    pub fn log(&self, name: &str) -> PathBuf {
        self.logs.join(format!("{name}.log"))
    }

    async fn terminate(&mut self, names: &[&str]) {
        for name in names {
            if let Some(child) = self.children.get(*name) {
                let _ = Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
            }
        }
        let deadline = Instant::now() + STOP_DEADLINE;
        for name in names {
            let Some(mut child) = self.children.remove(*name) else { continue };
            while matches!(child.try_wait(), Ok(None)) && Instant::now() < deadline {
                tokio::time::sleep(PAUSE).await;
            }
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    fn spawn(&mut self, name: &str, mut command: Command) -> Result<(), StartError> {
        let cannot = |error| StartError::caused(format!("{name} cannot be started"), error);
        let log = File::options().create(true).append(true).open(self.log(name)).map_err(cannot)?;
        command.stdin(Stdio::null()).stdout(log.try_clone().map_err(cannot)?).stderr(log);
        let child = command.spawn().map_err(cannot)?;
        self.children.insert(name.to_owned(), child);
        Ok(())
    }

    /// Starts or restarts Redis on its port.
    pub fn start_redis(&mut self) -> Result<(), StartError> {
        let port = self.redis;
        let mut command = Command::new("redis-server");
        command.args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", "", "--appendonly", "no"]);
        self.spawn("redis", command)
    }

    /// Starts or restarts Kafka on its port and its data; returns when it listens.
    pub async fn start_kafka(&mut self) -> Result<(), StartError> {
        let Kafka { libs, data, port } = &self.kafka;
        let port = *port;
        let cannot = |error| StartError::caused("Kafka cannot be prepared", error);
        std::fs::create_dir_all(data).map_err(cannot)?;
        let properties = data.join("server.properties");
        if !properties.exists() {
            std::fs::write(&properties, kafka_properties(data, port, free_port()?)).map_err(cannot)?;
        }
        let classes = libs.join("*");
        let java = |heap: &str| {
            let mut command = Command::new("java");
            command.args([heap, "-XX:+UseSerialGC", "-cp"]).arg(&classes);
            command
        };
        if !data.join("logs/meta.properties").exists() {
            let mut format = java("-Xmx128m");
            format
                .args(["kafka.tools.StorageTool", "format", "--standalone", "-t", "Ymxvb20tZGV2LWNsdXN0ZXI", "-c"])
                .arg(&properties);
            let output = tokio::task::spawn_blocking(move || format.output()).await;
            let output = output.map_err(|error| StartError::caused("Kafka cannot be prepared", error))?.map_err(cannot)?;
            if !output.status.success() {
                let why = String::from_utf8_lossy(&output.stderr).trim().to_owned();
                return Err(StartError::new(format!("Kafka's storage cannot be formatted: {why}")));
            }
        }
        let mut server = java("-Xmx512m");
        server.arg("kafka.Kafka").arg(&properties);
        self.spawn("kafka", server)?;
        let deadline = Instant::now() + READY_DEADLINE;
        while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            if Instant::now() > deadline || self.ended().is_some() {
                return Err(StartError::new(format!("Kafka did not start; see {}", self.log("kafka").display())));
            }
            tokio::time::sleep(PAUSE).await;
        }
        Ok(())
    }
}

impl Drop for Processes {
    fn drop(&mut self) {
        for child in self.children.values_mut() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn kafka_properties(data: &Path, port: u16, controller: u16) -> String {
    format!(
        "process.roles=broker,controller\nnode.id=1\nlisteners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}\n\
         advertised.listeners=PLAINTEXT://127.0.0.1:{port}\ncontroller.listener.names=CONTROLLER\n\
         controller.quorum.bootstrap.servers=127.0.0.1:{controller}\nlog.dirs={}\n\
         offsets.topic.replication.factor=1\noffsets.topic.num.partitions=4\ntransaction.state.log.replication.factor=1\n\
         transaction.state.log.min.isr=1\ngroup.initial.rebalance.delay.ms=0\nauto.create.topics.enable=false\n",
        data.join("logs").display()
    )
}

async fn ready(url: &str) -> bool {
    let client = reqwest::Client::builder().timeout(Duration::from_secs(2)).build();
    match client {
        Ok(client) => client.get(url).send().await.is_ok_and(|response| response.status().is_success()),
        Err(_) => false,
    }
}

/// Ports outside of the range from which the system assigns ephemeral ports (32768 on).
const PORTS: std::ops::Range<u32> = 20_000..32_000;

/// A free port, a different one on each call. A restarted process finds its port still free.
fn free_port() -> Result<u16, StartError> {
    static ASKED: AtomicU32 = AtomicU32::new(0);
    let count = PORTS.end - PORTS.start;
    // Fleets that start at the same time search from different places.
    let first = std::process::id().wrapping_mul(61);
    let mut error = None;
    for _ in 0..count {
        let place = first.wrapping_add(ASKED.fetch_add(1, Ordering::Relaxed)) % count;
        let port = u16::try_from(PORTS.start + place).unwrap_or_default();
        match TcpListener::bind(("127.0.0.1", port)) {
            Ok(_) => return Ok(port),
            Err(taken) => error = Some(taken),
        }
    }
    Err(StartError::new(format!("no port from {} to {} is free: {error:?}", PORTS.start, PORTS.end - 1)))
}

/// Starts the fleet of `bloom up --fleet`, and returns when it is stopped.
pub(crate) async fn up(mut settings: Settings, dir: &StateDir, options: &UpOptions) -> Result<(), StartError> {
    let _telemetry = telemetry::init("bloom", &settings.telemetry)?;
    let shutdown = until_stopped()?;
    let database = prepare(&mut settings, dir).await?;
    let kafka_libs = options.kafka_libs.clone().ok_or_else(|| {
        StartError::new("a fleet needs Kafka: start it with `./dev up --fleet`, which fetches it, or set BLOOM_KAFKA_LIBS")
    })?;
    step("starting Redis, Kafka and the services");
    let ground = Ground {
        program: std::env::current_exe().map_err(|error| StartError::caused("the executable cannot be found", error))?,
        folder: dir.file("fleet"),
        kafka_libs,
        gateway: options.gateway.clone(),
        environment: environment(&settings)?,
    };
    let mut fleet = Processes::start(ground).await?;
    let mut state = dir.resume()?;
    state.gateway_url.clone_from(&fleet.gateway_url);
    state.services.clone_from(&fleet.services);
    state.pids = fleet.pids();
    state.pids.insert("bloom".to_owned(), std::process::id());
    let outcome = async {
        crate::seed::once(&settings, dir, &mut state).await?;
        dir.write(&state)?;
        banner(&state, &foreground(dir));
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                () = tokio::time::sleep(Duration::from_millis(500)) => {}
            }
            if let Some(name) = fleet.ended() {
                return Err(StartError::new(format!("{name} ended by itself; {} says why", fleet.log(&name).display())));
            }
        }
    };
    let outcome = outcome.await;
    fleet.stop().await;
    state.pids.clear();
    dir.write(&state)?;
    stop_database(database).await;
    outcome
}

/// The environment of every process of the fleet.
fn environment(settings: &Settings) -> Result<BTreeMap<String, String>, StartError> {
    let database = settings.database_url.clone().ok_or_else(|| StartError::new("no database is configured"))?;
    let master = settings.secrets.master_key.as_ref().ok_or_else(|| StartError::new("no master key is configured"))?;
    let hex = bloom_runtime::keys::hex(&master.0);
    Ok([
        ("BLOOM_DATABASE_URL".to_owned(), database),
        ("BLOOM_MASTER_KEY".to_owned(), hex),
        ("BLOOM_CELL".to_owned(), settings.cell.clone()),
    ]
    .into())
}
