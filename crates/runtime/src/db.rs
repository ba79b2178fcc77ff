//! The three ways to a connection, and no fourth: [`TenantTx`] writes, [`TenantRead`] reads once, [`SystemTx`] belongs to
//! the platform itself. Each sets the tenant that row-level security compares with, every time, trusting nothing from
//! before; without a tenant the service role sees no row.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Duration;

use bloom_fault::Fault;
use bloom_kernel::{TenantId, Timestamp};
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, PgPool, Postgres, Transaction};
use tokio::sync::Notify;

use crate::call::Call;
use crate::host::Host;
use crate::reply::Stored;

/// How a service reaches its database.
#[derive(Clone, Debug)]
pub struct DbConfig {
    /// As the service role: sees one tenant at a time.
    pub service: PgConnectOptions,
    /// As the system role: sees all tenants.
    pub system: PgConnectOptions,
    /// Most connections of the service role; the system role gets a quarter of that.
    pub connections: u32,
    /// Reads in a transaction instead of a session setting: needed behind a pooler in transaction mode.
    pub transaction_pooler: bool,
}

/// The database of one service. Cheap to clone.
#[derive(Clone)]
pub struct Db {
    pub(crate) host: Host,
    service: PgPool,
    system: PgPool,
    transaction_pooler: bool,
    wake: Arc<Wake>,
}

/// How often timers are looked at without a wake: what runs later than that needs none.
pub const TIMER_POLL: Duration = Duration::from_millis(250);

/// What tasks of this service sleep on until a commit brings them rows.
#[derive(Debug, Default)]
pub struct Wake {
    /// Events were written.
    pub outbox: Notify,
    /// Timers were set.
    pub timers: Notify,
}

/// A request waits no longer than this for a connection: then the database counts as gone (503).
const ACQUIRE_TIMEOUT: Duration = Duration::from_millis(900);

impl Db {
    /// Pools that connect when first used.
    pub fn new(host: Host, config: &DbConfig) -> Self {
        let pool = |connections: u32, options: &PgConnectOptions| {
            PgPoolOptions::new()
                .max_connections(connections)
                .acquire_timeout(ACQUIRE_TIMEOUT)
                // A broken connection shows itself at the first statement; a ping before each use costs a round trip.
                .test_before_acquire(false)
                .connect_lazy_with(options.clone())
        };
        Self {
            host,
            service: pool(config.connections, &config.service),
            system: pool((config.connections / 4).max(3), &config.system),
            transaction_pooler: config.transaction_pooler,
            wake: Arc::default(),
        }
    }

    /// What a commit that wrote events or timers rings.
    pub fn wake(&self) -> &Arc<Wake> {
        &self.wake
    }

    /// A transaction for the call's tenant.
    pub async fn write(&self, call: &Call) -> Result<TenantTx, Fault> {
        self.tenant_tx(call.tenant).await
    }

    async fn tenant_tx(&self, tenant: TenantId) -> Result<TenantTx, Fault> {
        // One round trip; the id is hexadecimal, so nothing can be smuggled into the statement.
        let begin = format!("begin; select set_config('bloom.tenant', '{}', true)", tenant.uuid());
        let tx = match self.service.begin_with(AssertSqlSafe(begin.clone())).await {
            Err(error) if is_broken(&error) => self.service.begin_with(AssertSqlSafe(begin)).await?,
            other => other?,
        };
        let (host, wake) = (self.host.clone(), self.wake.clone());
        Ok(TenantTx { tx, tenant, idempotency: None, host, wake, events: false, timers: false })
    }

    /// A connection for reads of one tenant.
    pub async fn read(&self, tenant: TenantId) -> Result<TenantRead, Fault> {
        if self.transaction_pooler {
            return Ok(TenantRead(Read::Transaction(Box::new(self.tenant_tx(tenant).await?))));
        }
        // After a restart of the database every pooled connection is broken once.
        for _ in 0..self.service.options().get_max_connections() {
            let mut connection = self.service.acquire().await?;
            match set_tenant(&mut connection, tenant).await {
                Ok(()) => return Ok(TenantRead(Read::Session(connection))),
                Err(error) if is_broken(&error) => drop(connection.detach()),
                Err(error) => return Err(error.into()),
            }
        }
        Err(sqlx::Error::PoolTimedOut.into())
    }

    /// A transaction that sees every tenant: relay, timers, key look-up, provider webhooks, checks. A test lists its callers.
    pub async fn system(&self) -> Result<SystemTx, Fault> {
        let tx = match self.system.begin().await {
            Err(error) if is_broken(&error) => self.system.begin().await?,
            other => other?,
        };
        Ok(SystemTx(tx))
    }

    /// The same for a loop that asks one statement at a time: a connection of its own, each statement its own transaction.
    /// A poll then costs one round trip where the pool and a transaction would take four.
    pub async fn system_line(&self) -> Result<SystemLine, Fault> {
        let options = self.system.connect_options();
        match tokio::time::timeout(ACQUIRE_TIMEOUT, PgConnection::connect_with(&options)).await {
            Ok(connection) => Ok(SystemLine(connection?)),
            Err(_) => Err(sqlx::Error::PoolTimedOut.into()),
        }
    }

    /// True when the database answers.
    pub async fn ready(&self) -> bool {
        match self.service.acquire().await {
            Ok(mut connection) => {
                let answers = sqlx::Connection::ping(&mut *connection).await.is_ok();
                if !answers {
                    drop(connection.detach());
                }
                answers
            }
            Err(_) => false,
        }
    }

    /// Closes both pools.
    pub async fn close(&self) {
        self.service.close().await;
        self.system.close().await;
    }
}

async fn set_tenant(connection: &mut PgConnection, tenant: TenantId) -> Result<(), sqlx::Error> {
    let id = tenant.uuid().to_string();
    sqlx::query_scalar!("select set_config('bloom.tenant', $1, false)", id).fetch_one(connection).await.map(drop)
}

fn is_broken(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Protocol(_) => true,
        // 57P01 admin_shutdown, 57P02 crash_shutdown, 08006 connection_failure: said on a connection that is gone.
        sqlx::Error::Database(error) => matches!(error.code().as_deref(), Some("57P01" | "57P02" | "08006")),
        _ => false,
    }
}

/// One transaction of one tenant. Dropped without [`commit`](Self::commit), it leaves nothing.
pub struct TenantTx {
    pub(crate) tx: Transaction<'static, Postgres>,
    pub(crate) tenant: TenantId,
    pub(crate) idempotency: Option<Stored>,
    pub(crate) host: Host,
    wake: Arc<Wake>,
    events: bool,
    timers: bool,
}

impl TenantTx {
    /// Whose rows it sees.
    pub fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// Goes on in the same transaction as another tenant. Only identity does: whoever founds an environment also writes its
    /// first rows, and both or neither must be there.
    pub async fn enter(&mut self, tenant: TenantId) -> Result<(), Fault> {
        let id = tenant.uuid().to_string();
        sqlx::query_scalar!("select set_config('bloom.tenant', $1, true)", id).fetch_one(&mut *self.tx).await?;
        self.tenant = tenant;
        Ok(())
    }

    /// Events were written in it: the relay wakes when it commits.
    pub fn wake_outbox(&mut self) {
        self.events = true;
    }

    /// A timer was set in it: when that is due before the next poll, those who fire it wake when it commits.
    pub fn wake_timers(&mut self, run_at: Timestamp) {
        self.timers |= run_at <= self.host.wall() + TIMER_POLL;
    }

    /// Leaves nothing, and lets go of its locks before it returns; merely dropped, it does so a moment later.
    pub async fn rollback(self) -> Result<(), Fault> {
        Ok(self.tx.rollback().await?)
    }

    /// Makes it durable.
    pub async fn commit(self) -> Result<(), Fault> {
        self.tx.commit().await?;
        if self.events {
            self.wake.outbox.notify_one();
        }
        if self.timers {
            self.wake.timers.notify_one();
        }
        Ok(())
    }
}

/// A connection that reads one tenant's rows.
pub struct TenantRead(Read);

enum Read {
    Session(PoolConnection<Postgres>),
    Transaction(Box<TenantTx>),
}

/// One transaction that sees every tenant.
pub struct SystemTx(Transaction<'static, Postgres>);

impl SystemTx {
    /// Makes it durable.
    pub async fn commit(self) -> Result<(), Fault> {
        Ok(self.0.commit().await?)
    }
}

impl Deref for TenantTx {
    type Target = PgConnection;
    fn deref(&self) -> &PgConnection {
        &self.tx
    }
}

impl DerefMut for TenantTx {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.tx
    }
}

impl Deref for TenantRead {
    type Target = PgConnection;
    fn deref(&self) -> &PgConnection {
        match &self.0 {
            Read::Session(connection) => connection,
            Read::Transaction(tx) => tx,
        }
    }
}

impl DerefMut for TenantRead {
    fn deref_mut(&mut self) -> &mut PgConnection {
        match &mut self.0 {
            Read::Session(connection) => connection,
            Read::Transaction(tx) => tx,
        }
    }
}

/// A connection outside of the pool that sees every tenant. After an error drop it and take another.
pub struct SystemLine(PgConnection);

impl Deref for SystemLine {
    type Target = PgConnection;
    fn deref(&self) -> &PgConnection {
        &self.0
    }
}

impl DerefMut for SystemLine {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.0
    }
}

impl Deref for SystemTx {
    type Target = PgConnection;
    fn deref(&self) -> &PgConnection {
        &self.0
    }
}

impl DerefMut for SystemTx {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.0
    }
}
