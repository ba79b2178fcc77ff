//! Compares the gateway and its policies with `HAProxy` and similar ones: a look-up of the key, a limit by tenant,
//! headers removed and added, a log line for each request. Each proxy has one thread on one core; the load generator
//! and the upstream share the other.

use std::fmt::Write as _;
use std::fs::File;
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use http::Method;
use http_body_util::Full;

use crate::client::{Connection, eventually};
use crate::cluster::Server;
use crate::fleet::{Fleet, Launcher, Tenant, free_port};
use crate::load::{Visitor, closed};
use crate::machine::Meter;
use crate::plan::Plan;
use crate::{Outcome, upstream};

const CONNECTIONS: usize = 32;
const PATH: &str = "/v1/catalog/products?limit=20";
/// Number of keys in the proxy's map beside the one that is used.
const OTHER_KEYS: usize = 1_000;
const START: Duration = Duration::from_secs(20);

/// Results of a proxy under load.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Passed {
    pub(crate) rate: f64,
    /// Proxy CPU per request.
    pub(crate) proxy_micros: f64,
    /// Load generator and upstream CPU per request.
    pub(crate) load_micros: f64,
    pub(crate) p99_ms: f64,
}

/// Results of both, measured in the order A, B, B, A.
#[derive(Debug)]
pub(crate) struct Compared {
    pub(crate) gateway: Vec<Passed>,
    pub(crate) haproxy: Vec<Passed>,
}

struct Caller {
    connection: Connection,
    key: String,
}

impl Visitor for Caller {
    async fn turn(&mut self) -> Outcome {
        let request = self.connection.request(Method::GET, PATH, &self.key).body(Full::default())?;
        self.connection.send(request).await?.expect(200)?;
        Ok(())
    }
}

/// A proxy that runs until it is dropped.
struct Proxy {
    child: Child,
    address: String,
    /// The socket it logs to, open as long as it runs.
    _syslog: Option<UdpSocket>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) async fn compare(
    server: &Server,
    launcher: &Launcher,
    fleet: &Fleet,
    tenant: &Tenant,
    plan: Plan,
) -> Outcome<Compared> {
    let upstream = upstream::start()?.to_string();
    let gateway = gateway(launcher, fleet, &upstream)?;
    let haproxy = haproxy(&launcher.state, tenant, &upstream)?;
    pin_self(Some(0))?;
    let mut compared = Compared { gateway: Vec::new(), haproxy: Vec::new() };
    let outcome = async {
        for proxy in [&gateway, &haproxy] {
            let mut caller = Caller { connection: Connection::to(&proxy.address), key: tenant.secret_key.clone() };
            eventually("a proxy answers", START, async || Ok(caller.turn().await.is_ok())).await?;
        }
        for _ in 0..plan.rounds {
            compared.gateway.push(measure(server, &gateway, tenant, plan).await?);
            compared.haproxy.push(measure(server, &haproxy, tenant, plan).await?);
            compared.haproxy.push(measure(server, &haproxy, tenant, plan).await?);
            compared.gateway.push(measure(server, &gateway, tenant, plan).await?);
        }
        Ok(())
    };
    let outcome: Outcome = outcome.await;
    pin_self(None)?;
    outcome.map(|()| compared)
}

async fn measure(server: &Server, proxy: &Proxy, tenant: &Tenant, plan: Plan) -> Outcome<Passed> {
    let caller = || Caller { connection: Connection::to(&proxy.address), key: tenant.secret_key.clone() };
    let mut callers: Vec<Caller> = (0..CONNECTIONS).map(|_| caller()).collect();
    closed(&mut callers, Duration::from_millis(500)).await.valid("warming up")?;
    let meter = Meter::start(server.pid, Some(proxy.child.id()));
    let visits = closed(&mut callers, plan.turn).await.valid("requests through a proxy")?;
    let (cpu, _) = meter.stop();
    let cpu = cpu.per(visits.done);
    Ok(Passed { rate: visits.rate(), proxy_micros: cpu.fleet, load_micros: cpu.load, p99_ms: visits.percentile_ms(99.0) })
}

/// The gateway as its own process in front of the upstream; the running fleet's identity resolves keys.
fn gateway(launcher: &Launcher, fleet: &Fleet, upstream: &str) -> Outcome<Proxy> {
    let address = format!("127.0.0.1:{}", free_port()?);
    let mut command = pinned(&launcher.program);
    command.args(["serve", "gateway"]).env("BLOOM_LISTEN", &address).env("BLOOM_MASTER_KEY", launcher.master_key()?);
    command
        .env("BLOOM_RATE_PER_KEY", crate::fleet::RATE)
        .env("BLOOM_RATE_PER_TENANT", crate::fleet::RATE)
        .env("BLOOM_LOG", "info");
    command.env("BLOOM_IDENTITY_URL", fleet.service("identity")?);
    for service in bloom_fleet::SERVICES.iter().filter(|service| **service != "identity") {
        let variable = format!("BLOOM_{}_URL", service.to_uppercase().replace('-', "_"));
        command.env(variable, format!("http://{upstream}"));
    }
    let log = File::create("/dev/null")?;
    let child = command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).spawn()?;
    Ok(Proxy { child, address, _syslog: None })
}

fn haproxy(folder: &Path, tenant: &Tenant, upstream: &str) -> Outcome<Proxy> {
    let port = free_port()?;
    let mut keys = format!("{} {}\n", tenant.secret_key, tenant.id);
    for number in 0..OTHER_KEYS {
        let _ = writeln!(keys, "sk_live_{number:032}000000 tenant-{number}");
    }
    let map = folder.join("keys.map");
    std::fs::write(&map, keys)?;
    // A syslog socket that is never read: the proxy pays for sending, and the kernel drops the messages.
    let syslog = UdpSocket::bind("127.0.0.1:0")?;
    let text = format!(
        "global\n  nbthread 1\n  maxconn 4096\n  log {} local0\n\
         defaults\n  mode http\n  log global\n  option httplog\n  option http-keep-alive\n  http-reuse always\n\
         \x20 timeout client 30s\n  timeout server 30s\n  timeout connect 1s\n\
         frontend api\n  bind 127.0.0.1:{port}\n\
         \x20 unique-id-format %{{+X}}o%ci:%cp_%Ts_%rt:%pid\n  unique-id-header bloom-request-id\n\
         \x20 http-request set-var(txn.key) req.hdr(authorization),regsub(^Bearer\\s+,)\n\
         \x20 http-request set-var(txn.tenant) var(txn.key),map({})\n\
         \x20 http-request deny deny_status 401 unless {{ var(txn.tenant) -m found }}\n\
         \x20 stick-table type string len 64 size 100k expire 60s store http_req_rate(1s)\n\
         \x20 http-request track-sc0 var(txn.tenant)\n\
         \x20 http-request deny deny_status 429 if {{ sc_http_req_rate(0) gt 1000000 }}\n\
         \x20 http-request del-header authorization\n  http-request set-header bloom-context %[var(txn.tenant)]\n\
         \x20 option forwardfor\n  default_backend service\n\
         backend service\n  server one {upstream}\n",
        syslog.local_addr()?,
        map.display(),
    );
    let file = folder.join("haproxy.cfg");
    std::fs::write(&file, text)?;
    let log = File::create(folder.join("haproxy.log"))?;
    let mut command = pinned(&program("haproxy", &["/usr/sbin/haproxy", "/usr/local/sbin/haproxy"])?);
    command.arg("-db").arg("-f").arg(&file).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    let child = command.spawn()?;
    Ok(Proxy { child, address: format!("127.0.0.1:{port}"), _syslog: Some(syslog) })
}

fn program(name: &str, places: &[&str]) -> Outcome<PathBuf> {
    let found = places.iter().map(PathBuf::from).find(|place| place.exists());
    found.ok_or_else(|| format!("{name} is not installed: ./dev bench does so").into())
}

/// The number of cores before this process was pinned to one.
fn cores() -> usize {
    static CORES: OnceLock<usize> = OnceLock::new();
    *CORES.get_or_init(|| std::thread::available_parallelism().map_or(1, usize::from))
}

/// A command on the last core; with one core there is no choice.
fn pinned(program: &Path) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", &(cores() - 1).to_string()]).arg(program);
    command
}

/// Pins all threads of this process to a core, or unpins them.
fn pin_self(core: Option<usize>) -> Outcome {
    let all = format!("0-{}", cores() - 1);
    let wanted = core.map_or(all, |core| core.to_string());
    let output = Command::new("taskset").args(["-a", "-c", "-p", &wanted, &std::process::id().to_string()]).output()?;
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned().into()) }
}
