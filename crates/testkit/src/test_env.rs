//! A test's own schema, context and tenants.

use std::collections::BTreeMap;
use std::path::Path;
use std::str::FromStr as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bloom_db::config::Schema;
use bloom_db::{Db, migrate};
use bloom_events::Bus;
use bloom_kernel::TenantId;
use bloom_pgdev::{Cluster, Options};
use bloom_runtime::{Keys, Metrics, Peers, RequestContext, ServiceContext, StartError};
use bloom_web::{Definition, Service, Start};
use sqlx::migrate::Migrator;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Executor as _, PgConnection};
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::clock::FakeClock;
use crate::entropy::SeededEntropy;
use crate::test_client::TestClient;

/// A schema of its own for one test, and what a service needs to run on it.
pub struct TestEnv {
    /// The context that the service receives.
    pub host: ServiceContext,
    /// The clock of the context.
    pub clock: FakeClock,
    /// The service's database.
    pub db: Db,
    /// The test's tenant.
    pub tenant: TenantId,
    /// Another tenant, whose rows must never be visible.
    pub other_tenant: TenantId,
    schema: Schema,
}

/// Creates a fresh schema with the service's migrations on the test server.
///
/// # Panics
///
/// When the test server is not available: a test without its database proves nothing.
pub async fn test_env(service: &'static str, migrations: &'static Migrator) -> TestEnv {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let number = COUNTER.fetch_add(1, Ordering::Relaxed);
    let keys = Keys::from_master(&[7; 32], service);
    let schema = Schema {
        service: service.to_owned(),
        schema: format!("t_{}_{}_{number}", service.replace('-', "_"), std::process::id()),
    };
    let mut connection = superuser().await;
    let script = format!("drop schema if exists {} cascade;\n{}", schema.schema, migrate::script(&schema, migrations, &keys));
    connection.execute(AssertSqlSafe(script)).await.expect("the migrations lay the schema");
    let clock = FakeClock::default();
    let host = ServiceContext {
        service,
        clock: Arc::new(clock.clone()),
        entropy: Arc::new(SeededEntropy::new(number)),
        keys,
        cell: "local".into(),
        peers: Peers::default(),
        shutdown: CancellationToken::new(),
        metrics: Metrics::default(),
    };
    let config = schema.database(&server().await, &host.keys, 8, false).expect("the address is valid");
    let db = Db::new(host.clone(), &config);
    let tenant = |n: u128| TenantId::from_uuid(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + n));
    TestEnv { tenant: tenant(1), other_tenant: tenant(2), host, clock, db, schema }
}

impl TestEnv {
    /// A fresh schema for a service, with its constraints.
    ///
    /// # Panics
    ///
    /// When the test server is not available.
    pub async fn of(definition: &Definition) -> Self {
        let mut env = test_env(definition.name, definition.migrations).await;
        env.db = env.db.clone().constraints(definition.constraints);
        env
    }

    /// A fresh schema for another service of the same test: it shares this one's clock and peers.
    ///
    /// # Panics
    ///
    /// When the test server is not available.
    pub async fn beside(&self, definition: &Definition) -> Self {
        let mut env = test_env(definition.name, definition.migrations).await;
        env.host.peers = self.host.peers.clone();
        env.host.clock = self.host.clock.clone();
        env.clock = self.clock.clone();
        let config = env.schema.database(&server().await, &env.host.keys, 8, false).expect("the address is valid");
        env.db = Db::new(env.host.clone(), &config).constraints(definition.constraints);
        env
    }

    /// Starts the service on an in-process bus: REST through the [`TestClient`], gRPC for peers of the same context,
    /// tasks running.
    ///
    /// # Panics
    ///
    /// When the service does not start.
    pub async fn serve(&self, definition: &Definition) -> TestClient {
        self.serve_on(definition, Bus::in_process(), BTreeMap::new()).await
    }

    /// The same on a bus that several services share, with the addresses of others.
    ///
    /// # Panics
    ///
    /// When the service does not start.
    #[expect(clippy::unused_async, reason = "the tasks of the service need the runtime that polls this")]
    pub async fn serve_on(&self, definition: &Definition, bus: Bus, addresses: BTreeMap<String, String>) -> TestClient {
        let start = Start { context: self.host.clone(), db: self.db.clone(), bus, addresses: Arc::new(addresses) };
        let service = (definition.start)(start).expect("the service starts");
        TestClient::open(service, self.host.clone(), self.tenant)
    }

    /// Builds and starts the service: REST through [`TestClient`], gRPC for peers of the same context, tasks running.
    ///
    /// # Panics
    ///
    /// When the service does not start.
    #[expect(clippy::unused_async, reason = "the tasks of the service need the runtime that polls this")]
    pub async fn open(&self, start: impl FnOnce(ServiceContext, Db) -> Result<Service, StartError>) -> TestClient {
        let service = start(self.host.clone(), self.db.clone()).expect("the service starts");
        TestClient::open(service, self.host.clone(), self.tenant)
    }

    /// A call of the test's tenant with every permission.
    pub fn call(&self) -> RequestContext {
        RequestContext::background("test", self.tenant, "test")
    }

    /// A superuser connection to the schema, to inspect or corrupt data.
    ///
    /// # Panics
    ///
    /// When the server is not available.
    pub async fn superuser(&self) -> PgConnection {
        let mut connection = superuser().await;
        let path = format!("set search_path to {}", self.schema.schema);
        connection.execute(AssertSqlSafe(path)).await.expect("the path is set");
        connection
    }

    /// Name of the schema.
    pub fn schema(&self) -> &str {
        &self.schema.schema
    }
}

impl Drop for TestEnv {
    fn drop(&mut self) {
        self.host.shutdown.cancel();
    }
}

/// Address of the test server's superuser: `BLOOM_TEST_DATABASE_URL`, otherwise the checkout's own test cluster, which
/// is started if necessary.
///
/// # Panics
///
/// When neither is available.
pub async fn server() -> String {
    static SERVER: OnceCell<String> = OnceCell::const_new();
    SERVER
        .get_or_init(|| async {
            #[expect(clippy::disallowed_methods, reason = "tests are configured by their environment")]
            if let Ok(url) = std::env::var("BLOOM_TEST_DATABASE_URL") {
                return url;
            }
            let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the checkout exists");
            tokio::task::spawn_blocking(move || {
                let address = Cluster::open(&checkout, "test").start(&Options::volatile()).expect("the test cluster starts");
                address.url("postgres", "postgres")
            })
            .await
            .expect("the start is not cut off")
        })
        .await
        .clone()
}

async fn superuser() -> PgConnection {
    let options = PgConnectOptions::from_str(&server().await).expect("the address is valid");
    options.disable_statement_logging().connect().await.expect("the test server answers")
}

/// Creates an empty database on the test server.
///
/// # Panics
///
/// When the test server is not available.
pub async fn database(name: &str) {
    let mut connection = superuser().await;
    for statement in [format!("drop database if exists {name} with (force)"), format!("create database {name}")] {
        connection.execute(AssertSqlSafe(statement)).await.expect("the database is created");
    }
}
