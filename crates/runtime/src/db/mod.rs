//! The ways to a connection (ADR 2): [`TenantTx`] and [`WriteOnce`] write, [`TenantRead`] and [`Db::read_once`] read, [`SystemTx`] and
//! [`SystemLine`] belong to the platform itself. Whatever belongs to a tenant sets the tenant that row-level security
//! compares with, every time, trusting nothing from before; without a tenant the service role sees no row.

mod once;
mod outgoing;
mod pool;

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Duration;

use bloom_fault::Fault;
use bloom_kernel::TenantId;
use futures::future::BoxFuture;
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection as _, PgConnection};
use tokio::sync::Notify;

pub use self::once::WriteOnce;
use self::outgoing::Outgoing;
pub use self::outgoing::{OutgoingEvent, Tell};
use self::pool::{ACQUIRE_TIMEOUT, Busy, Line, Pool, Tx, is_broken};
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
    service: Pool,
    system: Pool,
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

impl Db {
    /// Pools that connect when first used.
    pub fn new(host: Host, config: &DbConfig) -> Self {
        Self {
            host,
            service: Pool::new(config.connections, &config.service),
            system: Pool::new((config.connections / 4).max(3), &config.system),
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
        // One round trip, and nothing to plan; the id is hexadecimal, so nothing can be smuggled into the statement.
        let begin = format!("begin; set local bloom.tenant = '{}'", tenant.uuid());
        let tx = self.service.begin(&begin).await?;
        let (host, wake) = (self.host.clone(), self.wake.clone());
        Ok(TenantTx { tx, tenant, idempotency: None, outgoing: Outgoing::default(), host, wake })
    }

    /// A connection for reads of one tenant.
    pub async fn read(&self, tenant: TenantId) -> Result<TenantRead, Fault> {
        if self.transaction_pooler {
            return Ok(TenantRead(Read::Transaction(Box::new(self.tenant_tx(tenant).await?))));
        }
        let set = format!("set bloom.tenant = '{}'", tenant.uuid());
        Ok(TenantRead(Read::Session(self.service.told(&set).await?)))
    }

    /// A read of one statement that sets its tenant itself: one round trip where [`read`](Self::read) takes two. The statement
    /// must name its tenant's rows (`tenant_id = …`), for what the connection saw before is not known, and ask for them in a
    /// `lateral (… offset 0)`, which cannot be planned before the tenant is set; a test looks after both and lists who calls
    /// this. Sent again when the connection turns out to be broken.
    pub async fn read_once<T, R>(&self, read: R) -> Result<T, Fault>
    where
        R: for<'c> Fn(&'c mut PgConnection) -> BoxFuture<'c, Result<T, sqlx::Error>>,
    {
        // After a restart of the database every pooled connection is broken once.
        for _ in 0..self.service.most() {
            let mut busy = Busy::new(self.service.line().await?);
            let answer = read(busy.line()).await;
            match answer {
                Err(error) if is_broken(&error) => {}
                answer => {
                    busy.done();
                    return Ok(answer?);
                }
            }
        }
        Err(sqlx::Error::PoolTimedOut.into())
    }

    /// A transaction that sees every tenant: relay, timers, key look-up, provider webhooks, checks. A test lists its callers.
    pub async fn system(&self) -> Result<SystemTx, Fault> {
        Ok(SystemTx(self.system.begin("begin").await?))
    }

    /// The same for a loop that asks one statement at a time: a connection of its own, each statement its own transaction.
    /// A poll then costs one round trip where the pool and a transaction would take four.
    pub async fn system_line(&self) -> Result<SystemLine, Fault> {
        // Its few statements have their indexes. Planned while a table was empty they would read all of it, and a bitmap of what
        // an index says would never mark the rows that are gone: each poll would walk over every event of the day.
        let options = self.system.options().clone().options([("enable_seqscan", "off"), ("enable_bitmapscan", "off")]);
        match tokio::time::timeout(ACQUIRE_TIMEOUT, PgConnection::connect_with(&options)).await {
            Ok(connection) => Ok(SystemLine(connection?)),
            Err(_) => Err(sqlx::Error::PoolTimedOut.into()),
        }
    }

    /// True when the database answers. Asked every few seconds, it also closes connections that nobody needs any more.
    pub async fn ready(&self) -> bool {
        self.service.tidy().await;
        self.system.tidy().await;
        let Ok(mut line) = self.service.line().await else { return false };
        let answers = line.ping().await.is_ok();
        if !answers {
            drop(Line::take(line));
        }
        answers
    }

    /// Closes both pools.
    pub async fn close(&self) {
        self.service.close().await;
        self.system.close().await;
    }
}

/// One transaction of one tenant. Dropped without [`commit`](Self::commit), it leaves nothing.
pub struct TenantTx {
    tx: Tx,
    pub(crate) tenant: TenantId,
    pub(crate) idempotency: Option<Stored>,
    outgoing: Outgoing,
    pub(crate) host: Host,
    wake: Arc<Wake>,
}

impl TenantTx {
    /// Whose rows it sees.
    pub fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// Goes on in the same transaction as another tenant. Only identity does: whoever founds an environment also writes its
    /// first rows, and both or neither must be there.
    pub async fn enter(&mut self, tenant: TenantId) -> Result<(), Fault> {
        self.write_outgoing().await?;
        let id = tenant.uuid().to_string();
        sqlx::query_scalar!("select set_config('bloom.tenant', $1, true)", id).fetch_one(self.tx.line()).await?;
        self.tenant = tenant;
        Ok(())
    }

    /// Leaves nothing, and lets go of its locks before it returns; merely dropped, it does so a moment later.
    pub async fn rollback(self) -> Result<(), Fault> {
        Ok(self.tx.rollback().await?)
    }

    /// Makes it durable, with the events and timers that were collected.
    pub async fn commit(mut self) -> Result<(), Fault> {
        self.write_outgoing().await?;
        self.tx.commit().await?;
        self.outgoing.ring(&self.wake, &self.host);
        Ok(())
    }
}

/// A connection that reads one tenant's rows.
pub struct TenantRead(Read);

enum Read {
    Session(Line),
    Transaction(Box<TenantTx>),
}

/// One transaction that sees every tenant.
pub struct SystemTx(Tx);

impl SystemTx {
    /// Makes it durable.
    pub async fn commit(self) -> Result<(), Fault> {
        Ok(self.0.commit().await?)
    }
}

impl Deref for TenantTx {
    type Target = PgConnection;
    fn deref(&self) -> &PgConnection {
        self.tx.line_ref()
    }
}

impl DerefMut for TenantTx {
    fn deref_mut(&mut self) -> &mut PgConnection {
        self.tx.line()
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
        self.0.line_ref()
    }
}

impl DerefMut for SystemTx {
    fn deref_mut(&mut self) -> &mut PgConnection {
        self.0.line()
    }
}
