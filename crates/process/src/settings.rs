//! All settings of a process, parsed completely before any port is bound.

use std::collections::BTreeMap;
use std::sync::Arc;

use bloom_db::Db;
use bloom_db::{config::Schema, config::connect_options};
use bloom_events::Bus;
use bloom_kernel::{OsEntropy, SystemClock};
use bloom_runtime::config::SecretKey;
use bloom_runtime::telemetry::TelemetryConfig;
use bloom_runtime::{Keys, Peers, ServiceContext, StartError};
use bloom_web::Definition;
use sqlx::postgres::PgConnectOptions;
use tokio_util::sync::CancellationToken;

use crate::kafka::KafkaSettings;

/// Settings of a process; every one is an environment variable too.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Settings")]
pub struct Settings {
    /// Logs, traces and figures.
    #[command(flatten)]
    pub telemetry: TelemetryConfig,
    /// PostgreSQL server of all services. `BLOOM_<SERVICE>_DATABASE_URL` gives one service its own. Without it `bloom up`
    /// starts a private cluster, one for each state folder; with it `bloom reset` deletes that folder, `master.key` in it,
    /// and leaves the database as it is: drop it yourself.
    #[arg(long, global = true, env = "BLOOM_DATABASE_URL", hide_env_values = true)]
    pub database_url: Option<String>,
    /// Connections per service.
    #[arg(long, global = true, env = "BLOOM_DATABASE_CONNECTIONS", default_value_t = 10)]
    pub database_connections: u32,
    /// Set behind a connection pooler in transaction mode: single reads then run in a transaction.
    #[arg(long, global = true, env = "BLOOM_DATABASE_TRANSACTION_POOLER", default_value_t = false)]
    pub database_transaction_pooler: bool,
    /// Secrets.
    #[command(flatten)]
    pub secrets: Secrets,
    /// The cell that this process belongs to: the same in the gateway, in every service and for `bloom account create`.
    #[arg(long, global = true, env = "BLOOM_CELL", default_value = "local")]
    pub cell: String,
    /// Kafka.
    #[command(flatten)]
    pub kafka: KafkaSettings,
    /// Redis that gateways share their limits through.
    #[arg(long, global = true, env = "BLOOM_REDIS_URL", hide_env_values = true)]
    pub redis_url: Option<String>,
    /// Address to listen on, for a process that is one service.
    #[arg(long, global = true, env = "BLOOM_LISTEN", default_value = "0.0.0.0:8080")]
    pub listen: String,
    /// Address of the gateway as browsers reach it.
    #[arg(long, global = true, env = "BLOOM_PUBLIC_URL", default_value_t = format!("http://localhost:{}", bloom_fleet::GATEWAY_PORT))]
    pub public_url: String,
    /// Requests per second of one API key, and twice that at once.
    #[arg(long, global = true, env = "BLOOM_RATE_PER_KEY", default_value_t = 200)]
    pub rate_per_key: u32,
    /// Requests per second of one environment, and twice that at once.
    #[arg(long, global = true, env = "BLOOM_RATE_PER_TENANT", default_value_t = 1_000)]
    pub rate_per_tenant: u32,
    /// Requests per second of one address without a key (provider webhooks) or with one that is none, and twice that at once.
    #[arg(long, global = true, env = "BLOOM_RATE_PER_ADDRESS", default_value_t = 300)]
    pub rate_per_address: u32,
    /// Proxies in front of the gateway, addresses and CIDR blocks, `10.0.0.0/8,192.0.2.7`. What comes from one of them is
    /// counted by the right-most address of `X-Forwarded-For` that is none of them; from all others that header is ignored.
    /// The header `Forwarded` (RFC 7239) is not read.
    #[arg(long, global = true, env = "BLOOM_TRUSTED_PROXIES")]
    pub trusted_proxies: Option<String>,
}

/// Either the installation's master key, for one process that runs everything, or the keys of one service, so that no
/// service can derive another's.
#[derive(Clone, Debug, clap::Args)]
pub struct Secrets {
    /// 64 hexadecimal digits that all other keys are derived from. Without it `bloom up` makes `master.key` in the state
    /// folder.
    #[arg(long, global = true, env = "BLOOM_MASTER_KEY", hide_env_values = true)]
    pub master_key: Option<SecretKey>,
    /// The service's own key (`bloom keys <service>` derives it from the master key).
    #[arg(long, global = true, env = "BLOOM_SERVICE_KEY", hide_env_values = true)]
    pub service_key: Option<SecretKey>,
    /// The key that signs contexts, the same in every process.
    #[arg(long, global = true, env = "BLOOM_CONTEXT_KEY", hide_env_values = true)]
    pub context_key: Option<SecretKey>,
}

impl Secrets {
    /// The keys of one service.
    pub fn keys(&self, service: &str) -> Result<Keys, StartError> {
        match (&self.master_key, &self.service_key, &self.context_key) {
            (_, Some(service), Some(context)) => Ok(Keys::new(service.0, context.0)),
            (Some(master), _, _) => Ok(Keys::from_master(&master.0, service)),
            _ => Err(StartError::new(
                "no keys are configured: set BLOOM_SERVICE_KEY and BLOOM_CONTEXT_KEY, or BLOOM_MASTER_KEY, to 64 hexadecimal digits each",
            )),
        }
    }
}

impl Settings {
    /// PostgreSQL server of a service.
    pub fn server(&self, service: &str) -> Result<String, StartError> {
        let own = format!("BLOOM_{}_DATABASE_URL", upper(service));
        environment(&own)
            .or_else(|| self.database_url.clone())
            .ok_or_else(|| StartError::new(format!("no database is configured for {service}: set BLOOM_DATABASE_URL or {own}")))
    }

    /// The same server, as the owner of the schemas.
    pub fn owner(&self, service: &str) -> Result<PgConnectOptions, StartError> {
        connect_options(&self.server(service)?)
    }

    /// The context that a service receives.
    pub fn host(&self, service: &'static str, peers: Peers, shutdown: CancellationToken) -> Result<ServiceContext, StartError> {
        Ok(ServiceContext {
            service,
            clock: Arc::new(SystemClock),
            entropy: Arc::new(OsEntropy),
            keys: self.secrets.keys(service)?,
            cell: self.cell.as_str().into(),
            peers,
            shutdown,
            metrics: self.telemetry.metrics.metrics(),
        })
    }

    /// The database of a service.
    pub fn db(&self, host: &ServiceContext, definition: &Definition) -> Result<Db, StartError> {
        let schema = Schema::of(definition.name);
        let server = self.server(definition.name)?;
        let config = schema.database(&server, &host.keys, self.database_connections, self.database_transaction_pooler)?;
        Ok(Db::new(host.clone(), &config).constraints(definition.constraints))
    }

    /// Kafka if configured, otherwise the in-process bus.
    pub fn bus(&self) -> Result<Bus, StartError> {
        match self.kafka.access()? {
            Some(access) => Bus::kafka(access),
            None => Ok(Bus::in_process()),
        }
    }

    /// Addresses of other services: `BLOOM_<SERVICE>_URL`, or `http://<name>:8080`.
    pub fn addresses(&self, names: &[&str]) -> BTreeMap<String, String> {
        let address = |name: &str| environment(&format!("BLOOM_{}_URL", upper(name)));
        names.iter().map(|name| ((*name).to_owned(), address(name).unwrap_or_else(|| format!("http://{name}:8080")))).collect()
    }
}

/// A service's name as part of a variable's name.
pub fn upper(service: &str) -> String {
    service.to_uppercase().replace('-', "_")
}

#[expect(clippy::disallowed_methods, reason = "settings are read here; this variable's name depends on the service")]
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
